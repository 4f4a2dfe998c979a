# The glyph net's shape, for train.py and export.py: 28x28 grey pixels in 0..1, ten convolutions each followed by batch norm and ReLU, two
# residual sums, the mean over all pixels, one fully connected layer.
CLASS_COUNT = 45

CONVOLUTIONS = [  # name, channels in, channels out, kernel, stride; padded by kernel / 2
    ("conv1", 1, 16, 3, 1),
    ("conv2", 16, 32, 3, 2),
    ("conv3", 32, 32, 3, 1),
    ("conv4", 32, 64, 3, 1),
    ("conv5", 64, 64, 3, 2),
    ("conv6", 64, 64, 3, 1),
    ("conv7", 64, 64, 3, 1),
    ("conv8", 64, 64, 3, 1),
    ("conv9", 64, 64, 3, 1),
    ("conv10", 64, 128, 1, 1),
]
RESIDUALS = {"conv7": "conv5", "conv9": "conv7"}  # what is added before the ReLU
