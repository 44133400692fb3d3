"""A torch network to take states from, and pictures."""

import numpy as np
import pytest
import torch


class ConvBlock(torch.nn.Module):
    """In torchvision's manner, the last activation in place."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = torch.nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.bn = torch.nn.BatchNorm2d(outputs)
        self.relu = torch.nn.ReLU(inplace=True)

    def forward(self, x):
        return self.relu(self.bn(self.conv(x)))


class ConvNet(torch.nn.Module):
    def __init__(self, width: int = 5) -> None:
        super().__init__()
        self.stem = torch.nn.Conv2d(3, width, 2, stride=2)
        self.layer1 = torch.nn.Sequential(ConvBlock(width, width), ConvBlock(width, width))
        self.pool = torch.nn.MaxPool2d(2)
        self.layer2 = torch.nn.Sequential(ConvBlock(width, 7), ConvBlock(7, 7))
        self.dropout = torch.nn.Dropout(0.5)
        self.head = torch.nn.Linear(7, 10)

    def forward(self, x):
        x = self.layer2(self.pool(self.layer1(self.stem(x))))
        return self.head(self.dropout(x.mean((2, 3))))


@pytest.fixture
def conv_net() -> torch.nn.Module:
    torch.manual_seed(0)
    model = ConvNet()
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.running_mean)
            torch.nn.init.uniform_(module.running_var, 0.5, 1.5)
    return model


@pytest.fixture(scope="session")
def pictures() -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (20, 30, 3), np.uint8) for _ in range(4)]
