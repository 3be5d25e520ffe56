// swift-tools-version: 6.2
import PackageDescription

// Warnings are errors everywhere. Modules that walk pixels or weights are optimised in debug builds too:
// without it a debug test of them takes minutes (docs/decisions/0004-optimised-debug-modules.md).
let strict: [SwiftSetting] = [.treatAllWarnings(as: .error)]
let strictFast: [SwiftSetting] = strict + [.unsafeFlags(["-O"], .when(configuration: .debug))]

let package = Package(
    name: "segmentd",
    products: [
        .executable(name: "segmentd", targets: ["segmentd"])
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
    ],
    targets: [
        // C and system libraries
        .target(
            name: "CKernels",
            cSettings: [.unsafeFlags(["-O3", "-ffp-contract=off", "-Wall", "-Wextra", "-Werror"])]),
        .target(name: "CThreads", cSettings: [.unsafeFlags(["-Wall", "-Wextra", "-Werror"])]),
        // No pkgConfig: its flags would link the library, and it has to be opened at run time.
        .systemLibrary(name: "COpenBLAS", providers: [.apt(["libopenblas-dev"])]),
        .systemLibrary(
            name: "CFFmpeg", pkgConfig: "libavformat libavcodec libswscale libavutil",
            providers: [.apt(["libavformat-dev", "libavcodec-dev", "libswscale-dev"])]),

        // The house, from the ground up: a target imports only those named above it.
        .target(name: "Threads", dependencies: ["CThreads"], swiftSettings: strict),
        .target(name: "Imaging", swiftSettings: strictFast),
        .target(name: "Kernels", dependencies: ["CKernels", "COpenBLAS"], swiftSettings: strictFast),
        .target(name: "MediaIO", dependencies: ["CFFmpeg", "Imaging", "Threads"], swiftSettings: strictFast),
        .target(name: "Inference", dependencies: ["Kernels", "Threads"], swiftSettings: strictFast),
        .target(
            name: "MaskOutput", dependencies: ["MediaIO", "Kernels", "Imaging", "Threads"], swiftSettings: strictFast),
        .target(name: "SyntheticDrive", dependencies: ["Imaging"], swiftSettings: strictFast),
        .target(
            name: "VideoInput", dependencies: ["SyntheticDrive", "MediaIO", "Imaging", "Threads"],
            swiftSettings: strictFast),
        .target(
            name: "Networks", dependencies: ["Inference", "Kernels", "Imaging"], resources: [.copy("Resources/models")],
            swiftSettings: strictFast),
        .target(
            name: "Segmentation", dependencies: ["Networks", "Inference", "Kernels", "MediaIO", "Imaging"],
            swiftSettings: strictFast),
        .target(
            name: "Evaluation", dependencies: ["VideoInput", "MediaIO", "Imaging"], swiftSettings: strictFast),
        .target(
            name: "Pipeline",
            dependencies: [
                "Segmentation", "VideoInput", "MaskOutput", "Imaging", "Threads",
                .product(name: "Histogram", package: "hdrhistogram-swift"),
            ],
            swiftSettings: strict),
        .target(
            name: "Operations",
            dependencies: [
                "Pipeline", "Segmentation", "Networks", "VideoInput", "MaskOutput", "MediaIO", "Imaging", "Threads",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Yams", package: "Yams"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: strict),
        .executableTarget(
            name: "segmentd",
            dependencies: [
                "Operations", "Pipeline", "Evaluation", "Segmentation", "Networks", "Inference", "Kernels",
                "VideoInput", "SyntheticDrive", "MaskOutput", "MediaIO", "Imaging", "Threads", "CThreads",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: strict),

        // Tests, a target each
        .testTarget(name: "ThreadsTests", dependencies: ["Threads"], swiftSettings: strict),
        .testTarget(name: "ImagingTests", dependencies: ["Imaging"], swiftSettings: strict),
        .testTarget(name: "KernelsTests", dependencies: ["Kernels"], swiftSettings: strictFast),
        // Counts allocations; no product links it.
        .target(
            name: "CAllocationCounter", path: "Tests/CAllocationCounter",
            cSettings: [.unsafeFlags(["-O2", "-Wall", "-Wextra", "-Werror"])]),
        .testTarget(
            name: "InferenceTests", dependencies: ["Inference", "Kernels", "Threads", "CAllocationCounter"],
            swiftSettings: strictFast),
        .testTarget(
            name: "NetworksTests", dependencies: ["Networks", "Inference", "Kernels", "Imaging"],
            resources: [.copy("Golden")], swiftSettings: strictFast),
        .testTarget(name: "MediaIOTests", dependencies: ["MediaIO", "Imaging"], swiftSettings: strict),
        .testTarget(
            name: "VideoInputTests", dependencies: ["VideoInput", "SyntheticDrive", "MediaIO", "Imaging"],
            swiftSettings: strict),
        .testTarget(
            name: "SyntheticDriveTests", dependencies: ["SyntheticDrive", "Imaging"], swiftSettings: strict),
        .testTarget(
            name: "EvaluationTests", dependencies: ["Evaluation", "VideoInput", "MediaIO", "Imaging"],
            swiftSettings: strict),
        .testTarget(
            name: "MaskOutputTests", dependencies: ["MaskOutput", "MediaIO", "Kernels", "Imaging"],
            swiftSettings: strict),
        .testTarget(
            name: "SegmentationTests",
            dependencies: [
                "Segmentation", "Networks", "Inference", "Kernels", "SyntheticDrive", "MediaIO", "Imaging",
                "CAllocationCounter",
            ],
            swiftSettings: strict),
        .testTarget(
            name: "PipelineTests",
            dependencies: ["Pipeline", "Segmentation", "Networks", "VideoInput", "MaskOutput", "MediaIO", "Imaging"],
            swiftSettings: strict),
        .testTarget(
            name: "OperationsTests",
            dependencies: ["Operations", "Pipeline", "VideoInput", "MaskOutput", "MediaIO", "Imaging"],
            swiftSettings: strict),
        .testTarget(name: "SegmentdTests", dependencies: ["segmentd", "CAllocationCounter"], swiftSettings: strict),
    ],
    swiftLanguageModes: [.v6]
)
