import Foundation
import Inference
import Networks

/// The weights of the golden activations: a formula that `training/segmentd_training/golden.py` shares bit for bit.
enum WeightFormula {
    static func values(of parameter: Parameter) -> [Float] {
        var seed: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in parameter.name.utf8 { seed = (seed ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
        let fanIn = parameter.shape.dropFirst().reduce(1, *)
        let kind = parameter.name.split(separator: ".").suffix(2).joined(separator: ".")
        return (0..<parameter.count).map { index in
            var z = seed &+ UInt64(index + 1) &* 0x9e37_79b9_7f4a_7c15
            z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
            z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
            z ^= z >> 31
            let u = Double(z >> 40) / 16_777_216
            switch kind {
            case "bn.weight": return Float(0.75 + 0.5 * u)
            case "bn.bias", "bn.running_mean": return Float((2 * u - 1) * 0.2)
            case "bn.running_var": return Float(0.5 + u)
            case "classifier.bias": return Float((2 * u - 1) * 0.1)
            default: return Float((2 * u - 1) * (6 / Double(fanIn)).squareRoot())
            }
        }
    }

    /// Weights for every parameter of `graph`.
    static func weights(for graph: Graph) -> Weights {
        var weights = Weights()
        for parameter in graph.parameters { weights.set(parameter.name, values(of: parameter)) }
        return weights
    }
}
