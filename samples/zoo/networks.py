# The nine networks of the zoo, a function each. Names of layers follow the papers' or torchvision's. `scale` in the options narrows them and
# shrinks their input, for fast tests.
import builder


def alexnet(b):
    """Krizhevsky 2012, with the two groups and the local response norms of the original; 227x227."""
    relu = {"relu": "relu"}
    x = b.input("data", 3, *[b.size(224, 64) + 3] * 2)
    x = b.conv(x, "conv1", b.width(96), 11, 4, spared=True, **relu)
    x = b.max_pool(b.local_response(x, "norm1"), "pool1", 3, 2)
    x = b.conv(x, "conv2", b.width(256), 5, pad=2, groups=2, **relu)
    x = b.max_pool(b.local_response(x, "norm2"), "pool2", 3, 2)
    x = b.conv(x, "conv3", b.width(384), 3, pad=1, **relu)
    x = b.conv(x, "conv4", b.width(384), 3, pad=1, groups=2, **relu)
    x = b.conv(x, "conv5", b.width(256), 3, pad=1, groups=2, **relu)
    return classifier(b, b.max_pool(x, "pool5", 3, 2))


def vgg16(b):
    """Simonyan 2014, configuration D; 224x224."""
    x = b.input("data", 3, *[b.size(224)] * 2)
    for block, (channels, depth) in enumerate([(64, 2), (128, 2), (256, 3), (512, 3), (512, 3)], 1):
        for number in range(1, depth + 1):
            x = b.conv(x, f"conv{block}_{number}", b.width(channels), 3, pad=1, relu="relu", spared=block == number == 1)
        x = b.max_pool(x, f"pool{block}", 2, 2)
    return classifier(b, x)


def classifier(b, x):
    """The three fully connected layers that AlexNet and VGG share."""
    x = b.dropout(b.full(b.flatten(x), "fc6", b.width(4096), relu=True), "drop6")
    x = b.dropout(b.full(x, "fc7", b.width(4096), relu=True), "drop7")
    return b.softmax(b.full(x, "fc8", b.width(1000)))


INCEPTIONS = [  # name, 1x1, 3x3 reduce, 3x3, 5x5 reduce, 5x5, behind the pool
    ("3a", 64, 96, 128, 16, 32, 32), ("3b", 128, 128, 192, 32, 96, 64),
    ("4a", 192, 96, 208, 16, 48, 64), ("4b", 160, 112, 224, 24, 64, 64), ("4c", 128, 128, 256, 24, 64, 64),
    ("4d", 112, 144, 288, 32, 64, 64), ("4e", 256, 160, 320, 32, 128, 128),
    ("5a", 256, 160, 320, 32, 128, 128), ("5b", 384, 192, 384, 48, 128, 128),
]


def googlenet(b):
    """Szegedy 2014, without the side classifiers of training; 224x224."""
    relu = {"relu": "relu"}
    x = b.input("data", 3, *[b.size(224)] * 2)
    x = b.conv(x, "conv1/7x7_s2", b.width(64), 7, 2, 3, spared=True, **relu)
    x = b.local_response(b.max_pool(x, "pool1/3x3_s2", 3, 2, ceil=True), "pool1/norm1")
    x = b.conv(x, "conv2/3x3_reduce", b.width(64), 1, **relu)
    x = b.conv(x, "conv2/3x3", b.width(192), 3, pad=1, **relu)
    x = b.max_pool(b.local_response(x, "conv2/norm2"), "pool2/3x3_s2", 3, 2, ceil=True)
    for name, *channels in INCEPTIONS:
        if name in ("4a", "5a"):
            x = b.max_pool(x, f"pool{int(name[0]) - 1}/3x3_s2", 3, 2, ceil=True)
        x = inception(b, x, f"inception_{name}/", *(b.width(count) for count in channels))
    x = b.average_pool(x, "pool5/7x7_s1", x.data.shape[2], 1)
    return b.softmax(b.full(b.flatten(b.dropout(x, "pool5/drop")), "loss3/classifier", b.width(1000)))


def inception(b, x, name, one, three_reduce, three, five_reduce, five, behind_pool):
    relu = {"relu": "relu"}
    branches = [
        b.conv(x, name + "1x1", one, 1, **relu),
        b.conv(b.conv(x, name + "3x3_reduce", three_reduce, 1, **relu), name + "3x3", three, 3, pad=1, **relu),
        b.conv(b.conv(x, name + "5x5_reduce", five_reduce, 1, **relu), name + "5x5", five, 5, pad=2, **relu),
        b.conv(b.max_pool(x, name + "pool", 3, 1, 1), name + "pool_proj", behind_pool, 1, **relu),
    ]
    return b.concat(branches, name + "output")


def resnet50(b):
    """He 2015, with the stride in the 3x3 convolutions as torchvision has it; 224x224."""
    x = b.input("data", 3, *[b.size(224)] * 2)
    x = b.conv(x, "conv1", b.width(64), 7, 2, 3, norm=True, relu="relu", spared=True)
    x = b.max_pool(x, "maxpool", 3, 2, 1)
    for stage, (channels, depth) in enumerate([(64, 3), (128, 4), (256, 6), (512, 3)], 1):
        for block in range(depth):
            x = bottleneck(b, x, f"layer{stage}.{block}.", b.width(channels), 2 if stage > 1 and block == 0 else 1, block == 0)
    return b.full(b.flatten(b.global_pool(x, "avgpool")), "fc", b.width(1000))


def bottleneck(b, x, name, channels, stride, projects):
    norm = {"norm": True}
    shortcut = b.conv(x, name + "downsample", 4 * channels, 1, stride, **norm) if projects else x
    y = b.conv(x, name + "conv1", channels, 1, relu="relu", **norm)
    y = b.conv(y, name + "conv2", channels, 3, stride, 1, relu="relu", **norm)
    return b.conv(y, name + "conv3", 4 * channels, 1, relu="relu", add=shortcut, **norm)


def mobilenet1(b):
    """Howard 2017, width 1; 224x224."""
    settings = {"norm": True, "relu": "relu6"}
    x = b.input("data", 3, *[b.size(224)] * 2)
    x = b.conv(x, "conv1", b.width(32), 3, 2, 1, spared=True, **settings)
    plan = [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2)] + [(512, 1)] * 5 + [(1024, 2), (1024, 1)]
    for number, (channels, stride) in enumerate(plan, 2):
        x = b.conv(x, f"conv{number}_dw", x.data.shape[1], 3, stride, 1, groups=x.data.shape[1], spared=True, **settings)
        x = b.conv(x, f"conv{number}_pw", b.width(channels), 1, **settings)
    x = b.average_pool(x, "avgpool", x.data.shape[2], 1)
    return b.softmax(b.full(b.flatten(x), "fc", b.width(1000)))


def mobilenet2(b):
    """Sandler 2018, width 1; 224x224."""
    settings = {"norm": True, "relu": "relu6"}
    x = b.input("data", 3, *[b.size(224)] * 2)
    x = b.conv(x, "features.0", b.width(32), 3, 2, 1, spared=True, **settings)
    number = 0
    plan = [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]
    for expand, channels, depth, stride in plan:
        for block in range(depth):
            number += 1
            x = inverted(b, x, f"features.{number}.", expand, b.width(channels), stride if block == 0 else 1)
    x = b.conv(x, f"features.{number + 1}", b.width(1280), 1, **settings)
    return b.full(b.flatten(b.global_pool(x, "avgpool")), "classifier", b.width(1000))


def inverted(b, x, name, expand, channels, stride):
    settings = {"norm": True, "relu": "relu6"}
    inside = expand * x.data.shape[1]
    y = b.conv(x, name + "expand", inside, 1, **settings) if expand > 1 else x
    y = b.conv(y, name + "depthwise", inside, 3, stride, 1, groups=inside, spared=True, **settings)
    return b.conv(y, name + "project", channels, 1, norm=True, add=x if stride == 1 and channels == x.data.shape[1] else None)


def densenet121(b):
    """Huang 2016, growth 32; batch norm and ReLU before the convolutions; 224x224."""
    growth = b.width(32)
    x = b.input("data", 3, *[b.size(224)] * 2)
    x = b.conv(x, "conv0", 2 * growth, 7, 2, 3, norm=True, relu="relu", spared=True)
    x = b.max_pool(x, "pool0", 3, 2, 1)
    for block, depth in enumerate([6, 12, 24, 16], 1):
        for layer in range(1, depth + 1):
            name = f"block{block}.layer{layer}."
            y = b.conv(b.batch_norm(x, name + "norm1", "relu"), name + "conv1", 4 * growth, 1, norm=True, relu="relu")
            x = b.concat([x, b.conv(y, name + "conv2", growth, 3, pad=1)], name + "output")
        if block < 4:
            x = b.conv(b.batch_norm(x, f"transition{block}.norm", "relu"), f"transition{block}.conv", x.data.shape[1] // 2, 1)
            x = b.average_pool(x, f"transition{block}.pool", 2, 2)
    x = b.global_pool(b.batch_norm(x, "norm5", "relu"), "avgpool")
    return b.full(b.flatten(x), "classifier", b.width(1000))


def squeezenet(b):
    """Iandola 2016, version 1.1; 224x224."""
    relu = {"relu": "relu"}
    x = b.input("data", 3, *[b.size(224)] * 2)
    x = b.max_pool(b.conv(x, "conv1", b.width(64), 3, 2, spared=True, **relu), "pool1", 3, 2, ceil=True)
    for number, (squeeze, expand) in enumerate([(16, 64), (16, 64), (32, 128), (32, 128), (48, 192), (48, 192), (64, 256), (64, 256)], 2):
        name = f"fire{number}/"
        y = b.conv(x, name + "squeeze1x1", b.width(squeeze), 1, **relu)
        sides = [b.conv(y, name + "expand1x1", b.width(expand), 1, **relu), b.conv(y, name + "expand3x3", b.width(expand), 3, pad=1, **relu)]
        x = b.concat(sides, name + "concat")
        if number in (3, 5):
            x = b.max_pool(x, f"pool{number}", 3, 2, ceil=True)
    x = b.conv(b.dropout(x, "drop9"), "conv10", b.width(1000), 1, **relu)
    return b.softmax(b.flatten(b.global_pool(x, "pool10")))


def textcnn(b):
    """Kim 2014 as measured in papers/003: 64 words of 300 numbers each, one-dimensional convolutions over 2, 3, 4 and 5 words with 100 filters
    each, the maximum over time, one fully connected layer. The paper gives neither the number of filters (100 is Kim's) nor that of classes."""
    x = b.input("words", b.width(300), b.size(64))
    found = []
    for words in (2, 3, 4, 5):
        y = b.conv(x, f"conv{words}", b.width(100), (1, words), relu="relu")
        found.append(b.global_pool(y, f"max{words}", "GlobalMaxPool"))
    x = b.dropout(b.flatten(b.concat(found, "features")), "dropout")
    return b.softmax(b.full(x, "fc", 6))


NETWORKS = {network.__name__: network for network in
            (alexnet, vgg16, googlenet, resnet50, mobilenet1, mobilenet2, densenet121, squeezenet, textcnn)}


def build(name, options):
    """The builder of network `name` (for what it counted) and the model."""
    b = builder.Builder(name, options)
    return b, b.model(NETWORKS[name](b))
