import Foundation
import Operations
import Testing

@Suite("The shipped config.yaml")
struct ConfigurationManualTests {
    private func shipped() throws -> String {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        return try String(contentsOf: root.appending(path: "config.yaml"), encoding: .utf8)
    }

    @Test("is the manual, every key with its default (segmentd check-config --manual writes it)")
    func isManual() throws {
        #expect(try shipped() == ConfigurationManual.text)
    }

    @Test("is valid, and what it sets are the defaults")
    func isDefault() throws {
        let manual = try ServiceConfiguration(yaml: ConfigurationManual.text, file: "config.yaml")
        let least = try ServiceConfiguration(
            yaml: "cameras:\n  - name: front\n    source: \"synthetic:seed=7,live=true\"\n", file: "least.yaml")
        #expect("\(manual)" == "\(least)")
    }

    @Test("documents every key of the table with what is accepted")
    func isComplete() {
        let words = ConfigurationManual.text.split(whereSeparator: \.isWhitespace).filter { $0 != "#" }
            .joined(separator: " ")
        for setting in SettingDescription.all {
            let key = setting.key.split(separator: ".").last.map(String.init) ?? ""
            #expect(words.contains(key.replacing("[]", with: "") + ":"), "\(setting.key)")
            #expect(words.contains(setting.documentation), "\(setting.key)")
            guard let fallback = setting.defaultText else { continue }
            #expect(words.contains("\(setting.expectation.dropFirst()). Default: \(fallback)."), "\(setting.key)")
        }
    }

    @Test("is valid with its examples at work")
    func examples() throws {
        let lines = ConfigurationManual.text.split(separator: "\n", omittingEmptySubsequences: false)
        let uncommented = lines.map { line in
            line.hasPrefix("#     ") ? line.dropFirst(2) : line
        }
        let text = uncommented.joined(separator: "\n")
        let configuration = try ServiceConfiguration(yaml: text, file: "config.yaml")
        #expect(configuration.cameras.first?.recordings.count == 1)
    }
}
