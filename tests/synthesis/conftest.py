"""One small world for all tests: fake assets in the real layout."""

from __future__ import annotations

import pytest
from fake.ict_face import write_assets

from kaoiro.synthesis import assets
from kaoiro.synthesis.world import FaceWorld


@pytest.fixture(scope="session")
def fake_assets(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ict-face")
    write_assets(folder)
    return assets.load(folder)


@pytest.fixture(scope="session")
def world(fake_assets):
    return FaceWorld(fake_assets)
