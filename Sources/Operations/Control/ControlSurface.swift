import Foundation
import Imaging
import MaskOutput

/// What the control socket asks of the service.
public protocol ControlSurface: AnyObject, Sendable {
    /// How the service is doing now.
    func report() -> ServiceReport
    /// The page of metrics.
    func metrics() -> String
    /// What class ids mean.
    var labels: LabelSet { get }
    /// The last frame of every camera.
    var latest: LatestFrames { get }
    /// Who may do more than look.
    var permission: ControlPermission { get }
    /// Reads the configuration again, one call after the other; `done` is told what it came to, or why it was refused.
    func reload(_ done: @escaping @Sendable (Result<ControlAnswers.Reload, ControlError>) -> Void)
}

/// Answers the lines of the control socket: an object with the request's name, or `{"error":"…"}`.
public struct ControlResponder: Sendable {
    private let surface: any ControlSurface

    /// Answers for `surface`.
    public init(_ surface: any ControlSurface) { self.surface = surface }

    /// What a client gets that asks in more than 64 KiB.
    public static let tooLong = error("a request is one line of at most 64 KiB")

    /// Answers one line of `peer`.
    public func answer(_ line: String, from peer: SocketPeer, _ respond: @escaping @Sendable ([UInt8]) -> Void) {
        do {
            let request = try ControlRequest(line: line)
            if let refusal = surface.permission.refusal(of: request.kind, for: peer) {
                return respond(Self.notPermitted(refusal))
            }
            switch request.kind {
            case .status: respond(try Self.object("status", surface.report()))
            case .labels: respond(try Self.object("labels", ControlAnswers.labels(surface.labels)))
            case .palette: respond(try Self.object("palette", ControlAnswers.palette(surface.labels)))
            case .geometry: respond(try Self.object("geometry", geometry()))
            case .model: respond(try Self.object("model", model()))
            case .metrics: respond(try Self.object("metrics", surface.metrics()))
            case .snapshot: respond(try Self.object("snapshot", snapshot(request)))
            case .reload:
                surface.reload { result in
                    switch result {
                    case .success(let reload):
                        respond((try? Self.object("reload", reload)) ?? Self.error("the answer cannot be written"))
                    case .failure(let failure): respond(Self.error(failure.description))
                    }
                }
            }
        } catch {
            respond(Self.error("\(error)"))
        }
    }

    private func geometry() -> [ControlAnswers.Geometry] {
        surface.report().cameras.compactMap { camera in
            surface.latest[camera.name].map { ControlAnswers.Geometry(camera: camera.name, $0.mask.geometry) }
        }
    }

    private func model() -> ControlAnswers.Model {
        let report = surface.report()
        return ControlAnswers.Model(
            name: report.model.name, classes: report.model.classes, noAnswer: Int(ClassMap.noAnswer),
            height: report.engine.height, width: report.engine.width, threads: report.engine.threads,
            instructionSet: report.engine.instructionSet)
    }

    private func snapshot(_ request: ControlRequest) throws -> ControlAnswers.Snapshot {
        let names = surface.report().cameras.map(\.name)
        let camera: String
        if let asked = request.camera {
            guard names.contains(asked) else {
                throw ControlError(
                    "there is no camera \"\(asked.prefix(64))\"; the cameras are \(names.joined(separator: ", "))")
            }
            camera = asked
        } else {
            guard names.count == 1 else {
                throw ControlError("give a camera; the cameras are \(names.joined(separator: ", "))")
            }
            camera = names[0]
        }
        guard let sight = surface.latest[camera] else {
            throw ControlError("the camera \(camera) has not seen anything yet")
        }
        let picture = try MaskSnapshot(of: sight.mask, picture: sight.frame.picture, style: request.style)
        let capture = sight.mask.stamp.capture
        let now = SystemClock().monotonicNanoseconds
        let age = now > capture.monotonicNanoseconds ? now - capture.monotonicNanoseconds : 0
        return ControlAnswers.Snapshot(
            camera: camera, sequence: sight.mask.stamp.sequence, capturedNs: capture.epochNanoseconds,
            ageMs: Int(age / 1_000_000), width: picture.size.width,
            height: picture.size.height, style: request.style.rawValue, path: nil,
            png: Data(picture.png))
    }

    private static func object(_ key: String, _ value: some Encodable) throws -> [UInt8] {
        Array(try ServiceJSON.encode([key: value])) + [UInt8(ascii: "\n")]
    }

    /// Programs tell by `reason` that another user might have been answered.
    private static func notPermitted(_ refusal: ControlError) -> [UInt8] {
        let answer = ["error": refusal.description, "reason": "permission"]
        return ((try? ServiceJSON.encode(answer)).map { Array($0) } ?? []) + [UInt8(ascii: "\n")]
    }

    private static func error(_ message: String) -> [UInt8] {
        (try? object("error", message)) ?? Array("{\"error\":\"unknown\"}\n".utf8)
    }
}
