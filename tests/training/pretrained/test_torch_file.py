import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from torch_files import Stored, Tensor, legacy, tensors_of, zipped

from sources.core.errors import CxnetError
from training.pretrained.torch_file import read_tensors

ARRAYS = {
    "conv.weight": np.arange(2 * 3 * 4 * 5, dtype=np.float32).reshape(2, 3, 4, 5),
    "conv.bias": np.arange(5, dtype=np.float64),
    "steps": np.array(7, dtype=np.int64),
}
LAYOUTS = pytest.mark.parametrize("layout", [legacy, zipped])


def read(tmp_path, content: bytes):
    path = tmp_path / "weights.pth"
    path.write_bytes(content)
    return read_tensors(path)


@LAYOUTS
def test_tensors_come_back_as_they_were(tmp_path, layout):
    result = read(tmp_path, layout(tensors_of(ARRAYS)))
    assert list(result) == list(ARRAYS)
    for name, array in ARRAYS.items():
        assert result[name].dtype == array.dtype
        np.testing.assert_array_equal(result[name], array)


@LAYOUTS
def test_kernels_stored_in_another_order_of_axes_come_back_right(tmp_path, layout):
    result = read(tmp_path, layout(tensors_of(ARRAYS, transposed=["conv.weight"])))
    np.testing.assert_array_equal(result["conv.weight"], ARRAYS["conv.weight"])


@settings(max_examples=30)
@given(st.data())
def test_any_shapes_and_orders(tmp_path_factory, data):
    shapes = data.draw(st.lists(array_shapes(min_dims=0, max_dims=4, max_side=4), min_size=1, max_size=4))
    contents = {f"t{number}": data.draw(arrays(np.float32, shape)) for number, shape in enumerate(shapes)}
    turned = data.draw(st.lists(st.sampled_from(sorted(contents)), unique=True))
    layout = data.draw(st.sampled_from([legacy, zipped]))
    result = read(tmp_path_factory.mktemp("any"), layout(tensors_of(contents, turned)))
    for name, array in contents.items():
        np.testing.assert_array_equal(result[name], array)


@LAYOUTS
def test_nested_dictionaries_get_names_with_dots_and_other_values_are_left_out(tmp_path, layout):
    content = {"epoch": 3, "state_dict": tensors_of({"fc": np.ones(2, np.float32)}), "arch": "densenet121"}
    assert list(read(tmp_path, layout(content))) == ["state_dict.fc"]


@LAYOUTS
def test_two_tensors_of_one_storage(tmp_path, layout):
    stored = Stored("0", np.arange(6, dtype=np.float32))
    result = read(tmp_path, layout({"a": Tensor(stored, 0, (2, 3), (3, 1)), "b": Tensor(stored, 4, (2,), (1,))}))
    np.testing.assert_array_equal(result["a"], [[0, 1, 2], [3, 4, 5]])
    np.testing.assert_array_equal(result["b"], [4, 5])


class Evil:
    def __reduce__(self):
        import os

        return os.system, ("touch ran",)


@LAYOUTS
def test_code_in_the_pickle_is_never_run(tmp_path, monkeypatch, layout):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CxnetError, match=r"its pickle names (posix|nt)\.system, which is not a tensor"):
        read(tmp_path, layout({"w": Evil()}))
    assert not (tmp_path / "ran").exists()


@LAYOUTS
@pytest.mark.parametrize(
    "tensor",
    [
        Tensor(Stored("0", np.zeros(4, np.float32)), 0, (5,), (1,)),
        Tensor(Stored("0", np.zeros(4, np.float32)), 3, (2,), (1,)),
        Tensor(Stored("0", np.zeros(4, np.float32)), 0, (1 << 40, 2), (0, 1)),
        Tensor(Stored("0", np.zeros(4, np.float32)), -1, (2,), (1,)),
        Tensor(Stored("0", np.zeros(4, np.float32)), 0, (2,), (-1,)),
        Tensor(Stored("0", np.zeros(4, np.float32)), 0, (2, 2), (1,)),
    ],
    ids=["too long", "offset", "repeats", "negative offset", "negative stride", "shape and strides"],
)
def test_tensors_outside_their_storage_are_refused(tmp_path, layout, tensor):
    with pytest.raises(CxnetError, match="not a PyTorch checkpoint that can be read"):
        read(tmp_path, layout({"w": tensor}))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x80\x02.", pickle.dumps({"w": 1}), b"x" * 100])
def test_what_is_no_checkpoint_is_one_sentence(tmp_path, content):
    with pytest.raises(CxnetError, match=r"weights\.pth is not a PyTorch checkpoint"):
        read(tmp_path, content)


def test_a_missing_file_is_one_sentence(tmp_path):
    with pytest.raises(CxnetError, match="cannot be read: No such file"):
        read_tensors(tmp_path / "absent.pth")


@settings(max_examples=60)
@given(st.data())
def test_damage_is_found_or_harmless_but_never_another_error(tmp_path_factory, data):
    content = bytearray(data.draw(st.sampled_from([legacy, zipped]))(tensors_of(ARRAYS)))
    if data.draw(st.booleans()):
        content = content[: data.draw(st.integers(0, len(content)))]
    else:
        for place in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=4)):
            content[place] ^= data.draw(st.integers(1, 255))
    try:
        read(tmp_path_factory.mktemp("any"), bytes(content))
    except CxnetError as error:
        assert "weights.pth" in str(error)
