import Foundation
import Operations
import Testing

@Suite("A request to the control socket")
struct ControlRequestTests {
    @Test("is read from a line, and written as one that is read the same")
    func reads() throws {
        #expect(try ControlRequest(line: #"{"request":"status"}"#) == ControlRequest(.status))
        #expect(try ControlRequest(line: #" {"request" : "labels", "camera": null} "#) == ControlRequest(.labels))
        var snapshot = ControlRequest(.snapshot)
        snapshot.camera = "front"
        snapshot.style = .ids
        for request in ControlRequest.Kind.allCases.map({ ControlRequest($0) }) + [snapshot] {
            #expect(try ControlRequest(line: request.line) == request)
        }
    }

    @Test(
        "that makes no sense is refused with what would",
        arguments: [
            ("", "expected a JSON object"), ("[1]", "expected a JSON object"),
            ("{\"request\":", "expected a JSON object"),
            ("{}", "request is missing; expected one of status, labels"),
            (#"{"request":7}"#, "request: expected a text"),
            (#"{"request":"stauts"}"#, #"did you mean "status"?"#),
            (#"{"request":"status","verbose":true}"#, #"unknown key "verbose""#),
            (#"{"request":"status","camera":"front"}"#, "camera belongs to a snapshot"),
            (#"{"request":"snapshot","style":"photo"}"#, "expected one of overlay, mask, ids, picture"),
            (#"{"request":"snapshot","path":"/tmp/x.png"}"#, "path is no longer accepted"),
        ])
    func refuses(line: String, expected: String) {
        #expect {
            _ = try ControlRequest(line: line)
        } throws: {
            "\($0)".contains(expected)
        }
    }

    @Test("does not repeat a password that came in the wrong place")
    func secrets() {
        #expect {
            _ = try ControlRequest(line: #"{"request":"rtsp://u:canary@host/x"}"#)
        } throws: {
            !"\($0)".contains("canary") && "\($0)".contains("***")
        }
    }
}
