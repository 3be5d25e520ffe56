import Imaging

/// What a pixel of the synthetic drive shows: CamVid's eleven classes, by their names there.
///
/// Ids are another matter: they are looked up by name in a `LabelSet`.
public enum StreetClass: String, CaseIterable, Sendable {
    case sky = "Sky"
    case building = "Building"
    case pole = "Pole"
    /// The carriageway with its marks.
    case road = "Road"
    /// Pavement and kerb.
    case pavement = "Pavement"
    /// Trees, hedges and grass.
    case tree = "Tree"
    /// Traffic signs, boards and the heads of traffic lights.
    case signSymbol = "SignSymbol"
    case fence = "Fence"
    /// Cars, vans and buses.
    case car = "Car"
    case pedestrian = "Pedestrian"
    /// The rider and the bicycle.
    case bicyclist = "Bicyclist"

    /// The class's name in a `LabelSet`.
    public var name: String { rawValue }

    /// Its place in `allCases`, which is what the canvas stores.
    var code: UInt8 {
        switch self {
        case .sky: 0
        case .building: 1
        case .pole: 2
        case .road: 3
        case .pavement: 4
        case .tree: 5
        case .signSymbol: 6
        case .fence: 7
        case .car: 8
        case .pedestrian: 9
        case .bicyclist: 10
        }
    }

    /// The id in `labels` for every code; `ClassMap.noAnswer` for classes that it lacks.
    static func identifiers(in labels: LabelSet) -> [UInt8] {
        allCases.map { labels.id(of: $0.name) ?? ClassMap.noAnswer }
    }
}
