import Foundation
import Imaging
import Inference
import Networks
import Testing

@Suite("The model that comes with segmentd")
struct BundledModelTests {
    @Test("is found, whole, and says what it is")
    func card() throws {
        let model = try Model.bundled()
        #expect(model.name == "street11" && model.metadata.variant.name == "efficient")
        #expect(
            model.labels.names == [
                "Sky", "Building", "Pole", "Road", "Pavement", "Tree", "SignSymbol", "Fence", "Car", "Pedestrian",
                "Bicyclist",
            ])
        #expect(Set(model.labels.palette).count == 11 && model.labels.ignoreID == 255)
        #expect(model.labels.color(of: try #require(model.labels.id(of: "Road"))) == RGB(128, 64, 128))
        #expect(!model.metadata.trainedOn.isEmpty)
    }

    @Test("states its terms in its metadata and in the file beside it")
    func terms() throws {
        let model = try Model.bundled()
        let folder = (model.path as NSString).deletingLastPathComponent
        let terms = try String(contentsOfFile: "\(folder)/\(model.name).LICENSE.md", encoding: .utf8)
        let license = model.metadata.license
        let sentences = terms.replacingOccurrences(of: "\n", with: " ")
        #expect(license.contains("research use only") && sentences.contains("research use only"))
        #expect(license.contains("\(model.name).LICENSE.md"))
        for source in ["CamVid", "CC BY-NC 4.0", "LabelMeFacade", "NanoDet-m", "Apache-2.0"] {
            #expect(license.contains(source) && terms.contains(source), "\(source)")
        }
    }

    @Test("is in half precision, every tensor of it")
    func size() throws {
        let file = try SafetensorsFile(path: try Model.bundled().path)
        #expect(file.tensors.values.allSatisfy { $0.type == .float16 })
    }

    @Test("is refused for a size that the network does not take, with the size")
    func badSize() throws {
        let model = try Model.bundled()
        let error = #expect(throws: GraphError.self) {
            try model.program(size: ImageSize(height: 100, width: 160), input: model.pictureInput)
        }
        #expect(error?.description.contains("100x160") == true)
    }
}
