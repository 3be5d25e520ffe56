import Segmentation

extension Segmenter: Segmenting {}
