# Trains the glyph net, then prunes it little by little while training on, and writes both states as .npz (export.py makes the ONNX file).
# Debian's python3-torch (CPU); one thread, about half an hour:
#     /usr/bin/python3 samples/glyphs/train.py train.npz test.npz unseen.npz dense.npz pruned.npz [DENSITY]
import copy
import sys
import time

import numpy
import torch
from torch import nn
from torch.nn import functional

from net import CLASS_COUNT, CONVOLUTIONS, RESIDUALS

BATCH = 128
DENSE_EPOCHS = 5
PRUNE_EPOCHS = 4       # in which the density falls
RETRAIN_EPOCHS = 3     # in which it stays
DENSITY = 0.10         # unless another is given
PRUNE_EVERY = 60       # steps


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.convolutions = nn.ModuleDict()
        self.norms = nn.ModuleDict()
        for name, inputs, outputs, kernel, stride in CONVOLUTIONS:
            self.convolutions[name] = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
            self.norms[name] = nn.BatchNorm2d(outputs)
        self.full = nn.Linear(CONVOLUTIONS[-1][2], CLASS_COUNT)

    def forward(self, x):
        results = {}
        for name, *_ in CONVOLUTIONS:
            x = self.norms[name](self.convolutions[name](x))
            if name in RESIDUALS:
                x = x + results[RESIDUALS[name]]
            x = results[name] = functional.relu(x)
        return self.full(x.mean((2, 3)))


class Pruner:
    """Zeroes the weights that are smallest against the root mean square their layer had when pruning began. The first convolution stays dense."""

    def __init__(self, net, goal):
        self.goal = goal
        self.weights = [net.convolutions[name].weight for name, *_ in CONVOLUTIONS[1:]]
        self.scales = [weight.detach().square().mean().sqrt() for weight in self.weights]
        self.masks = [torch.ones_like(weight) for weight in self.weights]

    @torch.no_grad()
    def prune(self, density):
        """Zeroes all but a share `density` of the weights; what is zero already stays so."""
        scores = [weight.abs() / scale for weight, scale in zip(self.weights, self.scales)]
        every = torch.cat([score.flatten() for score in scores])
        threshold = every.kthvalue(max(1, int(every.numel() * (1 - density)))).values
        self.masks = [(score > threshold).float() for score in scores]
        self.apply()

    @torch.no_grad()
    def apply(self):
        for weight, mask in zip(self.weights, self.masks):
            weight.mul_(mask)


def load(path):
    data = numpy.load(path)
    return torch.from_numpy(data["images"]), torch.from_numpy(data["labels"].astype(numpy.int64))


def pixels(images):
    return images.unsqueeze(1).float() / 255


@torch.no_grad()
def accuracy(net, data):
    net.eval()
    images, labels = data
    right = sum(int((net(pixels(images[i:i + 500])).argmax(1) == labels[i:i + 500]).sum()) for i in range(0, len(labels), 500))
    net.train()
    return right / len(labels)


def train(net, data, tests, epochs, rate, pruner=None, prune_epochs=0):
    images, labels = data
    steps = len(labels) // BATCH
    optimizer = torch.optim.SGD(net.parameters(), lr=rate, momentum=0.9, nesterov=True, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=epochs * steps, pct_start=0.2)
    start = time.time()
    for epoch in range(epochs):
        order = torch.randperm(len(labels))
        total = 0.0
        for step in range(steps):
            chosen = order[step * BATCH:(step + 1) * BATCH]
            loss = functional.cross_entropy(net(pixels(images[chosen])), labels[chosen], label_smoothing=0.05)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item()
            if pruner:
                done = (epoch * steps + step) / (prune_epochs * steps)
                if done <= 1 and step % PRUNE_EVERY == 0:
                    pruner.prune(pruner.goal + (1 - pruner.goal) * (1 - done) ** 3)
                pruner.apply()
        accuracies = "  ".join(f"{name} {100 * accuracy(net, test):.2f} %" for name, test in tests.items())
        print(f"epoch {epoch + 1}/{epochs}  loss {total / steps:.4f}  {accuracies}  {time.time() - start:.0f} s", flush=True)


def save(net, path):
    numpy.savez(path, **{name: value.numpy() for name, value in net.state_dict().items()})


def main(train_path, test_path, unseen_path, dense_path, pruned_path, density=DENSITY):
    torch.manual_seed(20240601)
    torch.set_num_threads(1)
    data = load(train_path)
    tests = {"test": load(test_path), "unseen fonts": load(unseen_path)}
    net = Net()
    print(f"{sum(value.numel() for value in net.parameters())} parameters, {len(data[1])} images")
    train(net, data, tests, DENSE_EPOCHS, 0.15)
    save(net, dense_path)
    hasty = copy.deepcopy(net)
    Pruner(hasty, float(density)).prune(float(density))
    print(f"pruned at once, not retrained: test {100 * accuracy(hasty, tests['test']):.2f} %", flush=True)
    train(net, data, tests, PRUNE_EPOCHS + RETRAIN_EPOCHS, 0.06, Pruner(net, float(density)), PRUNE_EPOCHS)
    save(net, pruned_path)


if __name__ == "__main__":
    main(*sys.argv[1:])
