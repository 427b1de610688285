"""The experiment's checks, fed wrong layers, wrong digits and wrong operators, must say so."""

import json
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from convention.__main__ import main
from convention.errors import ConventionValueError, MissingLibraryError
from convention.experiment import article, operators, seed
from convention.experiment.evidence import Check, all_true
from convention.experiment.operators import Operator, measure

torch = pytest.importorskip("torch", reason="the experiment runs torch.nn.Conv2d")

REAL_LAYER = seed.hand_layer


def failed(experiment):
    return {part: [c.name for c in checks if not c.verdict] for part, checks in experiment.parts().items()}


def off_by_one(kernel, **arguments):
    layer = REAL_LAYER(kernel, **arguments)
    layer.register_forward_hook(lambda module, signals, result: result + 1)
    return layer


def convolving(kernel, **arguments):
    return REAL_LAYER(torch.tensor(kernel).flip(0, 1).tolist(), **arguments)


def reversing_rows_only(kernel, **arguments):
    return REAL_LAYER(kernel[::-1], **arguments)


def biased(kernel, **arguments):
    return REAL_LAYER(kernel, **{**arguments, "bias": True})


def frozen(kernel, **arguments):
    return REAL_LAYER(kernel, **arguments).requires_grad_(False)


def rounding_badly(kernel, **arguments):
    layer = REAL_LAYER(kernel, **arguments)
    if layer.bias is not None:
        layer.register_forward_hook(lambda module, signals, result: result + 1e-3)
    return layer


def nowhere_a_number(kernel, **arguments):
    layer = REAL_LAYER(kernel, **arguments)
    layer.register_forward_hook(lambda module, signals, result: result * float("nan"))
    return layer


def unpadded(kernel, **arguments):
    return REAL_LAYER(kernel, **{**arguments, "padding": 0})


@pytest.mark.parametrize(
    ("layer", "part"),
    [
        (off_by_one, "run 1"),
        (off_by_one, "bias"),
        (convolving, "run 2"),
        (convolving, "run 3"),
        (convolving, "readings"),
        (reversing_rows_only, "run 2"),
        (reversing_rows_only, "readings"),
        (biased, "run 1"),
        (biased, "bias"),
        (frozen, "run 0"),
        (rounding_badly, "bias"),
        (nowhere_a_number, "run 1"),
        (nowhere_a_number, "bias"),
        (unpadded, "run 2"),
        (unpadded, "bias"),
    ],
)
def test_a_wrong_layer_is_seen(monkeypatch, layer, part):
    monkeypatch.setattr(seed, "hand_layer", layer)
    experiment = seed.perform()
    assert failed(experiment)[part] != []
    assert experiment.all_true is False
    assert json.loads(json.dumps(experiment.to_dict(), allow_nan=False))["all_true"] is False


def test_run_1_alone_does_not_see_a_layer_that_convolves(monkeypatch):
    monkeypatch.setattr(seed, "hand_layer", convolving)
    assert failed(seed.perform())["run 1"] == []


def test_digits_that_are_off_in_one_cell_are_seen(monkeypatch):
    run = seed.RUNS[0]
    wrong = (("4.0063", *run.published[0][1:]), *run.published[1:])
    monkeypatch.setattr(seed, "RUNS", (replace(run, published=wrong), *seed.RUNS[1:]))
    assert len(failed(seed.perform())["bias"]) == 2


@pytest.mark.parametrize("mode", [[], ["--json"]])
def test_the_command_exits_1_on_a_mismatch(monkeypatch, mode):
    monkeypatch.setattr(seed, "hand_layer", off_by_one)
    result = CliRunner().invoke(main, ["demo", *mode])
    assert result.exit_code == 1
    if mode:
        assert json.loads(result.stdout)["all_true"] is False
    else:
        assert result.stdout.startswith("NOT reproduced: ")
        assert "  FAILS  torch's result is the cross-correlation" in result.stdout
        assert "does not reverse the kernel" not in result.stdout
        assert max(map(len, result.stdout.splitlines())) <= 80


def fake(call):
    return Operator(name="fake", library="numpy", install="pip install numpy", call=call)


def correlated(image, kernel):
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(image, 1), (3, 3))
    return np.einsum("ijkl,kl->ij", windows, kernel)


@pytest.mark.parametrize(
    ("call", "axes"),
    [
        (lambda _, image, kernel: correlated(image, kernel), ()),
        (lambda _, image, kernel: correlated(image, kernel[::-1]), (0,)),
        (lambda _, image, kernel: correlated(image, kernel[:, ::-1]), (1,)),
        (lambda _, image, kernel: correlated(image, kernel[::-1, ::-1]), (0, 1)),
    ],
)
def test_an_operator_that_reverses_other_axes_is_told_apart(call, axes):
    assert measure(fake(call)).reversed_axes == axes


def median(_, image, kernel):
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(image, 1), (3, 3))
    return np.median(windows, axis=(2, 3))


@pytest.mark.parametrize(
    "call",
    [
        median,
        lambda _, image, kernel: np.full_like(image, np.nan),
        lambda _, image, kernel: np.random.default_rng(0).random(image.shape),
        lambda _, image, kernel: correlated(image, kernel.T),
        lambda _, image, kernel: correlated(image, kernel) / kernel.sum(),
        lambda _, image, kernel: correlated(image, kernel)[1:-1, 1:-1],
        # Right for the picture that is shown, wrong for the second image.
        lambda _, image, kernel: correlated(image, kernel if image.sum() == 1 else kernel[::-1]),
    ],
    ids=["median", "nan", "random", "transposed", "normalised", "cropped", "inconsistent"],
)
def test_an_operator_that_fits_nothing_is_undetermined(call):
    measured = measure(fake(call))
    assert (measured.definition, measured.reversed_axes) == ("undetermined", None)
    assert not all_true(operators.checks_of([measured]))


def test_an_undetermined_operator_makes_the_command_exit_1(monkeypatch):
    monkeypatch.setattr(seed, "OPERATORS", (*seed.OPERATORS, fake(median)))
    result = CliRunner().invoke(main, ["demo"])
    assert result.exit_code == 1
    assert "undetermined" in result.stdout


def test_a_torch_that_convolves_contradicts_the_headline(monkeypatch):
    convolving_torch = Operator(
        name="torch.nn.Conv2d",
        library="torch",
        install="pip install torch",
        call=lambda _, image, kernel: correlated(image, kernel[::-1, ::-1]),
    )
    checks = operators.checks_of([measure(convolving_torch)])
    assert [check.verdict for check in checks] == [True, True, False]


@pytest.mark.parametrize(
    ("relation", "expected", "computed", "verdict"),
    [
        ("equals", 4, 4, True),
        ("equals", 4, 5, False),
        ("equals", ((1,),), ((float("nan"),),), False),
        ("differs from", 4, 5, True),
        ("differs from", 4, 4, False),
        ("is at most", 4, 4, True),
        ("is at most", 4, 5, False),
        ("is at most", 4, float("nan"), False),
    ],
)
def test_a_verdict_follows_from_its_numbers(relation, expected, computed, verdict):
    assert Check("a claim", relation, expected, computed).verdict is verdict


def test_a_check_of_an_unknown_relation_is_refused():
    with pytest.raises(ConventionValueError, match="did you mean 'equals'"):
        Check("a claim", "equal", 1, 1)


def test_no_checks_at_all_prove_nothing():
    assert all_true([]) is False


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("<!-- generated:run-9 -->\n<!-- /generated -->\n", "nothing generates it"),
        ("<!-- generated:run-1 -->\nprose\n", "1 are opened, 0 of them are closed"),
        ("<!-- generated:run-1 -->\n<!-- generated:run-2 -->\n<!-- /generated -->\n", "2 are opened, 1 of them"),
    ],
)
def test_the_article_refuses_blocks_that_it_cannot_write(text, found):
    with pytest.raises(ConventionValueError, match=found):
        article.refresh(text)


def test_the_article_sees_a_stale_number():
    text = "<!-- generated:constants -->\n```text\n0.0063\n```\n<!-- /generated -->\n"
    assert article.refresh(text) != text
    assert "0.0062" in article.refresh(text)


def test_the_article_is_not_written_from_checks_that_fail(monkeypatch):
    monkeypatch.setattr(seed, "hand_layer", off_by_one)
    with pytest.raises(ConventionValueError, match="checks that do not hold"):
        article.refresh("")


def test_the_article_is_not_written_without_a_library_of_its_table(monkeypatch):
    absent = Operator(name="absent", library="convention_absent", install="pip install absent", call=median)
    monkeypatch.setattr(seed, "OPERATORS", (absent,))
    with pytest.raises(MissingLibraryError, match="pip install absent"):
        article.refresh("")
