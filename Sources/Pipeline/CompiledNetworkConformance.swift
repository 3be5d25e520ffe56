import Segmentation

extension CompiledNetwork: Segmenting {}
extension Preprocessor: Preparing {}
