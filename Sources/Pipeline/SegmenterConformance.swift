import Segmentation

extension Segmenter: Segmenting {}
extension Preprocessor: Preparing {}
