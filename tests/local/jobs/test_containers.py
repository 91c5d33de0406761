"""Which folder stands in for an image."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.local.jobs.containers import Container


@pytest.mark.parametrize(
    ("image", "folder"),
    [
        ("111122223333.dkr.ecr.us-east-1.amazonaws.com/my-project/training:1", "training"),
        ("host:5000/team/a.b_c@sha256:0123", "a.b_c"),
        ("team/..", "unnamed"),
        ("team/.:1", "unnamed"),
        ("", "unnamed"),
    ],
)
def test_the_folder_has_the_last_part_of_the_repositorys_name(image, folder, tmp_path):
    assert Container.find(tmp_path, image).folder == tmp_path / folder


@given(st.text(max_size=40) | st.lists(st.sampled_from(["..", ".", "/", "a", ":", "@", "\0"])).map("".join))
def test_no_image_leads_out_of_the_folder_of_containers(tmp_path_factory, image):
    containers = tmp_path_factory.getbasetemp()
    container = Container.find(containers, image)
    assert container.folder.parent == containers
    assert container.missing("train")
