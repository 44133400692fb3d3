import numpy as np
import pytest

from jaxsim.data import SHAPES, ArraySource, factor_spaces, image_statistics, open_images, rendered
from jaxsim.data.rendered import render
from jaxsim.data.rendered_shapes import signed_distance

N = 1500


@pytest.fixture(scope="module")
def images():
    return rendered(N, seed=4)


@pytest.fixture(scope="module")
def pixels():
    return render(4, 0, N)


def fit(features, target):
    """R^2 of a linear prediction on the second half."""
    x = np.column_stack([features, np.ones(len(features))]).astype(np.float64)
    y = target.reshape(len(target), -1)
    half = len(x) // 2
    weights = np.linalg.lstsq(x[:half], y[:half], rcond=None)[0]
    rest = y[half:] - x[half:] @ weights
    return 1 - (rest**2).sum() / ((y[half:] - y[half:].mean(0)) ** 2).sum()


class TestPixels:
    def test_an_image_depends_on_seed_and_index_alone(self, images, pixels):
        assert np.array_equal(rendered(10, seed=4).load(7), images.load(7))
        assert np.array_equal(images.load(700), pixels[700])
        assert np.array_equal(render(4, 699, 701)[1], pixels[700])
        assert not np.array_equal(rendered(10, seed=5).load(7), images.load(7))

    def test_what_is_loaded_is_the_callers(self, images):
        images.load(3)[:] = 0
        assert images.load(3).any()

    def test_nothing_is_clipped(self, pixels):
        assert pixels.dtype == np.uint8
        assert pixels.shape == (N, 32, 32, 3)
        assert pixels.min() > 0
        assert pixels.max() < 255

    @pytest.mark.parametrize("shape", SHAPES)
    def test_shapes_have_the_area_of_a_disc_and_their_centroid_at_the_origin(self, shape):
        places = (np.arange(420) + 0.5) / 100 - 2.1
        right, up = np.meshgrid(places, places)
        distance = signed_distance(shape, right, up)
        inside = distance < 0
        assert inside.sum() / 100**2 == pytest.approx(np.pi, rel=1e-2)
        assert right[inside].mean() == pytest.approx(0, abs=1e-2)
        assert up[inside].mean() == pytest.approx(0, abs=1e-2)
        # A distance changes by one per unit.
        slope = np.hypot(*np.gradient(distance, 1 / 100))
        assert np.median(slope) == pytest.approx(1, abs=1e-2)

    def test_objects_stay_inside_the_picture(self):
        places = np.linspace(-3, 3, 301)
        right, up = np.meshgrid(places, places)
        for shape in SHAPES:
            inside = signed_distance(shape, right, up) < 0
            assert np.hypot(right, up)[inside].max() * 7 + 4.5 < 16.5


class TestFactors:
    def test_independent_of_each_other_and_of_the_class(self):
        many = rendered(20_000, seed=2)
        columns = [value.reshape(len(many), -1) for value in many.factors.values()]
        table = np.column_stack([*columns, np.eye(10)[many.labels]])
        correlation = np.corrcoef(table.T)
        correlation[-10:, -10:] = 0
        np.fill_diagonal(correlation, 0)
        assert np.abs(correlation).max() < 4 / np.sqrt(len(many))
        assert np.bincount(many.labels, minlength=10).min() > 1800

    def test_a_prefix_of_a_longer_set(self, images):
        few = rendered(9, seed=4)
        assert np.array_equal(few.labels, images.labels[:9])
        for name, value in few.factors.items():
            assert np.array_equal(value, images.factors[name][:9])

    def test_factors_are_in_the_pixels(self, images, pixels):
        values, factors = pixels.astype(np.float32) / 255, images.factors
        statistics = {name: np.asarray(group) for name, group in image_statistics(values).items()}
        assert fit(statistics["luminance"][:, :1], factors["background_luminance"]) > 0.9
        assert fit(values.mean((1, 2)) - values.mean((1, 2)).mean(-1, keepdims=True), factors["background_hue"]) > 0.3
        assert fit(statistics["orientation"], factors["texture_orientation"]) > 0.4
        assert fit(statistics["frequency"], factors["texture_frequency"]) > 0.4
        assert fit(statistics["layout"], np.column_stack([factors["position_x"], factors["position_y"]])) > 0.4

    def test_object_is_where_and_as_the_factors_say(self, images, pixels):
        values = pixels.astype(np.float64) / 255
        luma = values @ np.array([0.2126, 0.7152, 0.0722])
        factors = images.factors
        places = np.arange(32) + 0.5 - 16
        right, up = np.meshgrid(places, -places)
        lit = luma - factors["background_luminance"][:, None, None]
        lit = np.where(lit > 0.1, lit, 0)
        clear = np.flatnonzero(factors["contrast"] > 0.2)
        for place, name in ((right, "position_x"), (up, "position_y")):
            found = (lit * place).sum((1, 2)) / lit.sum((1, 2))
            assert np.abs(found - factors[name])[clear].max() < 0.7
        area = (lit > factors["contrast"][:, None, None] / 2).sum((1, 2))
        assert np.corrcoef(area[clear], factors["scale"][clear] ** 2)[0, 1] > 0.97

    def test_spaces_follow_the_ids(self, images):
        some = images.subset(40, seed=1)
        spaces = factor_spaces(some.ids)
        rows = [int(name.split("/")[-1]) for name in some.ids]
        assert set(spaces) == {*images.factors, "all", "class"}
        wanted = images.factors["scale"][rows]
        assert np.allclose(spaces["scale"][:, 0], (wanted - wanted.mean()) / wanted.std(), atol=1e-5)
        assert np.array_equal(spaces["class"].argmax(1), images.labels[rows])
        assert all(space.dtype == np.float32 for space in spaces.values())
        mixed = factor_spaces([*rendered(2, seed=9).ids, *some.ids])
        assert np.array_equal(mixed["class"][2:], spaces["class"])

    @pytest.mark.parametrize("ids", [[], ["digits/0001"], ["rendered/0/x"], ["rendered/0"], ["rendered/-1/000001"]])
    def test_spaces_of_other_images_are_refused(self, ids):
        with pytest.raises(ValueError, match="rendered image"):
            factor_spaces(ids)


class TestOpening:
    def test_by_name(self):
        assert len(open_images("rendered")) == 2000
        source = open_images("rendered:12:3")
        assert source.ids[11] == "rendered/3/000011"
        assert open_images("rendered:12").description["seed"] == 0
        assert source.description["fingerprint"] != open_images("rendered:12:4").description["fingerprint"]
        assert source.select([5]).description["seed"] == 3

    def test_equal_to_its_pixels(self):
        source = open_images("rendered:5")
        assert np.array_equal(ArraySource(render(0, 0, 5)).load(4), source.load(4))
        with pytest.raises(IndexError):
            source.load(5)

    @pytest.mark.parametrize(
        "text", ["rendered:", "rendered:-3", "rendered:3:4:5", "rendered:many", "rendered:0", "rendered:" + "9" * 5000]
    )
    def test_bad_names(self, text):
        with pytest.raises(ValueError, match=r"expected .*(whole number|an integer of at least 1)"):
            open_images(f"rendered:{text}")

    @pytest.mark.parametrize(("n", "seed"), [(0, 0), (2.5, 0), (3, -1), (True, 0)])
    def test_bad_arguments(self, n, seed):
        with pytest.raises(ValueError, match=r"expected (n|seed) of rendered images to be an integer of at least"):
            rendered(n, seed)
