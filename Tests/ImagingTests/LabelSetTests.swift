import Imaging
import Testing

@Suite("A set of labels")
struct LabelSetTests {
    private func colors(_ count: Int) -> [RGB] { (0..<count).map { RGB(UInt8($0), 0, 0) } }

    @Test("knows names, ids and colours")
    func lookUp() throws {
        let labels = try #require(LabelSet(names: ["Road", "Sky"], palette: [RGB(128, 64, 128), RGB(70, 130, 180)]))
        #expect(labels.count == 2 && labels.ignoreID == 255)
        #expect(labels.id(of: "Sky") == 1 && labels.id(of: "sky") == nil && labels.id(of: "") == nil)
        #expect(labels.color(of: 0) == RGB(128, 64, 128))
        for id: UInt8 in [2, 100, 255] { #expect(labels.color(of: id) == RGB(0, 0, 0)) }
    }

    @Test("has 1 to 255 classes")
    func counts() {
        for (count, isRight) in [(0, false), (1, true), (255, true), (256, false)] {
            let names = (0..<count).map { "\($0)" }
            let palette = Array(repeating: RGB(0, 0, 0), count: count)
            #expect((LabelSet(names: names, palette: palette) != nil) == isRight, "\(count)")
        }
    }

    @Test("has different names, none empty, and a colour for each")
    func names() {
        #expect(LabelSet(names: ["a", "a"], palette: colors(2)) == nil)
        #expect(LabelSet(names: ["a", ""], palette: colors(2)) == nil)
        #expect(LabelSet(names: ["a", "b"], palette: colors(1)) == nil)
        #expect(LabelSet(names: ["a", "b"], palette: colors(3)) == nil)
        #expect(LabelSet(names: ["a", "b"], palette: [RGB(1, 2, 3), RGB(1, 2, 3)]) != nil)
    }

    @Test("ignores an id that is no class and fits a byte")
    func ignored() {
        for (id, isRight) in [(-1, false), (0, false), (1, false), (2, true), (255, true), (256, false)] {
            #expect((LabelSet(names: ["a", "b"], palette: colors(2), ignoreID: id) != nil) == isRight, "\(id)")
        }
    }

    @Test("has a category for each class, or none at all")
    func categories() {
        func make(_ categories: [String]?) -> LabelSet? {
            LabelSet(names: ["Car", "Bus"], palette: colors(2), categories: categories)
        }
        #expect(make(nil)?.categories == nil && make(["vehicle", "vehicle"])?.categories == ["vehicle", "vehicle"])
        for wrong in [[], ["vehicle"], ["vehicle", ""], ["a", "b", "c"]] { #expect(make(wrong) == nil, "\(wrong)") }
    }
}
