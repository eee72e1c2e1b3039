"""The checkers of notebook 07 accept what is right and say which mistake was made."""

import pytest
import torch
from torch import nn

from gancourse.checks import nb07
from gancourse.models import dcgan
from verdicts import accepts, rejects, verdict

FUNCTIONS = (nb07.output_size, nb07.make_generator, nb07.initialise)


@pytest.mark.parametrize("checker", FUNCTIONS)
def test_stubs_and_nonsense(capsys, checker):
    def unfinished(*_):
        raise NotImplementedError

    assert "not attempted" in verdict(capsys, checker, ...)
    assert "not attempted" in verdict(capsys, checker, lambda *_: ...)
    assert "not attempted" in verdict(capsys, checker, unfinished)
    rejects(capsys, checker, lambda *_: 1 / 0, fragment="ZeroDivisionError")
    rejects(capsys, checker, 3, fragment="a function was expected")


@pytest.mark.parametrize("checker", (nb07.output_size, nb07.make_generator))
def test_nothing_returned(capsys, checker):
    rejects(capsys, checker, lambda *_: None, fragment="returned None")


# ---------------------------------------------------------------- sizes


def by_formula(size, kernel, stride, padding):
    return (size - 1) * stride - 2 * padding + kernel


def by_torch(size, kernel, stride, padding):
    return nn.ConvTranspose1d(1, 1, kernel, stride, padding)(torch.zeros(1, 1, size)).shape[-1]


def test_sizes_are_those_of_torch(capsys):
    accepts(capsys, nb07.output_size, by_formula)
    accepts(capsys, nb07.output_size, by_torch)


@pytest.mark.parametrize(
    ("function", "fragment"),
    [
        (lambda n, k, s, p: (n + 2 * p - k) // s + 1, "ordinary convolution"),
        (lambda n, k, s, p: n * s - 2 * p + k, "n − 1 steps"),
        (lambda n, k, s, p: (n - 1) * s - p + k, "counts twice"),
        (lambda n, k, s, p: (n - 1) * s + 2 * p + k, "*cut off* here"),
        (lambda n, k, s, p: (n - 1) * s + k, "padding is missing"),
        (lambda n, k, s, p: n * s, "size times stride"),
        (lambda n, k, s, p: (n - 1) * s - 2 * p, "the kernel, is missing"),
        (lambda n, k, s, p: by_formula(n, k, s, p) - 1, "one short"),
        (lambda n, k, s, p: (n - 1) * k - 2 * p + s, "exchanged"),
        (
            lambda n, k, s, p: by_formula(n, k, s, p) if p else 7,
            "you return 7, but it should be 8",
        ),
        (lambda n, k, s, p: "8", "one number was expected, but got '8'"),
        (lambda n, k, s, p: "eight", "one number was expected"),
    ],
)
def test_output_size_names_the_mistake(capsys, function, fragment):
    rejects(capsys, nb07.output_size, function, fragment=fragment)


# ---------------------------------------------------------------- the generator


def block(before, after, kernel=4, stride=2, padding=1, norm=True, act=nn.ReLU, bias=False):
    layers = [nn.ConvTranspose2d(before, after, kernel, stride, padding, bias=bias)]
    if norm:
        layers.append(nn.BatchNorm2d(after))
    return [*layers, act()] if act else layers


def right(latent_dim, width):
    return nn.Sequential(
        *block(latent_dim, 2 * width, 7, 1, 0), *block(2 * width, width), *block(width, 1, norm=False, act=nn.Tanh)
    )


def test_the_generator_is_accepted_in_any_wrapping(capsys):
    accepts(capsys, nb07.make_generator, right)
    accepts(capsys, nb07.make_generator, lambda z, w: dcgan.Generator(28, 1, z, w).layers)
    nested = lambda z, w: nn.Sequential(nn.Sequential(*right(z, w)[:6]), *right(z, w)[6:])  # noqa: E731
    accepts(capsys, nb07.make_generator, nested)

    def biased(z, w):
        return nn.Sequential(
            *block(z, 2 * w, 7, 1, 0, bias=True), *block(2 * w, w), *block(w, 1, norm=False, act=nn.Tanh)
        )

    accepts(capsys, nb07.make_generator, biased, fragment="a bias right before batch norm does nothing")
    said = verdict(capsys, nb07.make_generator, right)
    assert "remark" not in said


def end(*layers):
    """The right network with another end."""

    def make(z, w):
        last = nn.ConvTranspose2d(w, 1, 4, 2, 1, bias=False)
        return nn.Sequential(*block(z, 2 * w, 7, 1, 0), *block(2 * w, w), last, *[layer() for layer in layers])

    return make


@pytest.mark.parametrize(
    ("function", "fragment"),
    [
        (end(), "nothing bounds its output"),
        (end(nn.Sigmoid), "[0, 1]"),
        (end(nn.ReLU), "ends in ReLU"),
        (end(nn.ReLU, nn.Tanh), "darker than grey"),
        (end(lambda: nn.BatchNorm2d(1), nn.Tanh), "batch norm stands at the output"),
        (
            lambda z, w: nn.Sequential(
                *block(z, 2 * w, 7, 1, 0), *block(2 * w, w, norm=False), *block(w, 1, norm=False, act=nn.Tanh)
            ),
            "has no batch norm",
        ),
        (
            lambda z, w: nn.Sequential(
                *block(z, 2 * w, 7, 1, 0, act=nn.LeakyReLU), *block(2 * w, w), *block(w, 1, norm=False, act=nn.Tanh)
            ),
            "LeakyReLU is for the discriminator",
        ),
        (
            lambda z, w: nn.Sequential(
                *block(z, 2 * w, 7, 1, 0, act=None), *block(2 * w, w), *block(w, 1, norm=False, act=nn.Tanh)
            ),
            "has no ReLU",
        ),
        (
            lambda z, w: nn.Sequential(
                nn.ConvTranspose2d(z, 2 * w, 7), nn.ReLU(), nn.BatchNorm2d(2 * w), *block(2 * w, w),
                *block(w, 1, norm=False, act=nn.Tanh),
            ),
            "ReLU stands before batch norm",
        ),
        (
            lambda z, w: nn.Sequential(
                *block(z, w, 7, 1, 0), *block(w, 2 * w), *block(2 * w, 1, norm=False, act=nn.Tanh)
            ),
            "the maps grow",
        ),
        (lambda z, w: right(z, 16), "should make 6, 3 and 1 maps"),
        (lambda z, w: right(100, w), "the first layer takes 100"),
        (
            lambda z, w: nn.Sequential(
                *block(z, 2 * w, 4, 1, 0), *block(2 * w, w), *block(w, 1, norm=False, act=nn.Tanh)
            ),
            "it starts from 4 by 4",
        ),
        (
            lambda z, w: nn.Sequential(
                *block(z, 2 * w, 7, 1, 0), *block(2 * w, w, 3), *block(w, 1, 3, norm=False, act=nn.Tanh)
            ),
            "2n - 1",
        ),
        (
            lambda z, w: nn.Sequential(
                *block(z, 2 * w, 7, 1, 0), *block(2 * w, w, 4, 2, 0), *block(w, 1, 4, 2, 0, norm=False, act=nn.Tanh)
            ),
            "only with padding 1",
        ),
        (
            lambda z, w: nn.Sequential(*block(z, 2 * w, 7, 1, 0), *block(2 * w, 1, norm=False, act=nn.Tanh)),
            "it has 2 transposed convolutions",
        ),
        (lambda z, w: nn.Sequential(nn.Flatten(), nn.Linear(z, 784), nn.Tanh()), "there is a dense layer"),
        (lambda z, w: nn.Sequential(nn.Upsample(scale_factor=28), nn.Tanh()), "repeating pixels"),
        (lambda z, w: nn.Sequential(nn.Conv2d(z, 1, 1), nn.Tanh()), "ordinary convolutions"),
        (lambda z, w: [nn.Tanh()], "a network (an nn.Module) was expected"),
    ],
)  # fmt: skip
def test_the_generator_s_mistake_is_named(capsys, function, fragment):
    rejects(capsys, nb07.make_generator, function, fragment=fragment)


def test_checking_leaves_the_random_stream_alone(capsys):
    state = torch.get_rng_state()
    nb07.make_generator(right)
    nb07.initialise(dcgan.initialise)
    assert torch.equal(torch.get_rng_state(), state)


# ---------------------------------------------------------------- first weights


def start(conv=(0.0, 0.02), scale=(1.0, 0.02), shift=0.0, kinds=(nn.Conv2d, nn.ConvTranspose2d)):
    def initialise(module):
        if isinstance(module, kinds):
            nn.init.normal_(module.weight, *conv)
        elif isinstance(module, nn.BatchNorm2d):
            if scale:
                nn.init.normal_(module.weight, *scale)
            if shift is not None:
                nn.init.normal_(module.bias, 0, shift)

    return initialise


def test_first_weights_of_the_paper_are_accepted(capsys):
    accepts(capsys, nb07.initialise, dcgan.initialise)
    accepts(capsys, nb07.initialise, start())


def uniform(module):
    start()(module)
    if isinstance(module, nn.Conv2d):
        nn.init.uniform_(module.weight, -0.02 * 3**0.5, 0.02 * 3**0.5)


def ones(module):
    start()(module)
    if isinstance(module, nn.BatchNorm2d):
        nn.init.ones_(module.weight)


def dense_too(module):
    start()(module)
    if isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, 0, 0.02)


def not_in_place(module):
    if isinstance(module, nn.Conv2d):
        _ = 0.02 * torch.randn_like(module.weight)


def everything(module):
    nn.init.normal_(module.weight, 0.0, 0.02)


@pytest.mark.parametrize(
    ("function", "fragment"),
    [
        (start(scale=(0.0, 0.02)), "*multiplies* everything"),
        (start(scale=None), "was not drawn; it comes from N(1, 0.02)"),
        (ones, "is 1 exactly"),
        (start(scale=(1.0, 0.2)), "but N(1, 0.02) was wanted"),
        (start(shift=None), "was not set"),
        (start(shift=0.02), "should start at 0 exactly"),
        (start(conv=(0.0, 0.02**0.5)), "the root of 0.02"),
        (start(conv=(0.0, 0.0004)), "the square of 0.02"),
        (start(conv=(0.02, 0.02)), "nn.Conv2d have mean 0.02"),
        (start(conv=(0.0, 1.0)), "deviation 1.01, but"),
        (start(kinds=(nn.Conv2d,)), "nn.ConvTranspose2d were not drawn"),
        (start(kinds=(nn.ConvTranspose2d,)), "nn.Conv2d were not drawn"),
        (uniform, "spread evenly"),
        (dense_too, "another kind"),
        (not_in_place, "no weight was changed"),
        (everything, "AttributeError"),
    ],
)
def test_the_mistake_in_the_first_weights_is_named(capsys, function, fragment):
    rejects(capsys, nb07.initialise, function, fragment=fragment)


# ---------------------------------------------------------------- find the mistake


def test_diagnosis(capsys):
    right = {"P": 3, "Q": 1, "R": 4, "S": 2}
    accepts(capsys, nb07.diagnosis, right)
    accepts(capsys, nb07.diagnosis, {program: str(symptom) for program, symptom in right.items()})
    assert "not attempted" in verdict(capsys, nb07.diagnosis, dict.fromkeys("PQRS", ...))
    assert "not attempted" in verdict(capsys, nb07.diagnosis, ...)
    rejects(capsys, nb07.diagnosis, {"P": 3, "Q": 1, "R": 4, "S": ...}, fragment="no answer for 'S' yet")
    rejects(capsys, nb07.diagnosis, {"P": 3, "Q": 2, "R": 4, "S": 1}, fragment="2 of the 4 are wrong. Look again: pr")
    rejects(capsys, nb07.diagnosis, {"P": 1, "Q": 3, "R": 4, "S": 2}, fragment="program P differentiates")
    rejects(capsys, nb07.diagnosis, {"P": 3, "Q": 3, "R": 4, "S": 2}, fragment="exactly once")
    rejects(capsys, nb07.diagnosis, {"P": 3}, fragment="no answer for 'Q' yet")
    rejects(capsys, nb07.diagnosis, [3, 1, 4, 2], fragment="a dict with a number from 1 to 4 for each program")


def test_the_wrong_line(capsys):
    accepts(capsys, nb07.wrong_line, 1)
    for line in range(2, 10):
        rejects(capsys, nb07.wrong_line, line, fragment=f"line {line} ")
    for nonsense in (0, 10, True, "one", None, 1.5):
        rejects(capsys, nb07.wrong_line, nonsense, fragment="numbered from 1 to 9")


# ---------------------------------------------------------------- other people's ways


def one_relu_for_all(latent_dim, width):
    relu = nn.ReLU()
    return nn.Sequential(
        *block(latent_dim, 2 * width, 7, 1, 0, act=lambda: relu), *block(2 * width, width, act=lambda: relu),
        *block(width, 1, norm=False, act=nn.Tanh),
    )  # fmt: skip


class Functional(nn.Module):
    """The same network with functions in the place of some layers."""

    def __init__(self, latent_dim, width, end=torch.tanh):
        super().__init__()
        self.layers = right(latent_dim, width)
        self.end = end

    def forward(self, z):
        first, norm, _, second, other, _, third, _ = self.layers
        half_way = nn.functional.relu(norm(first(z)))
        return self.end(third(other(second(half_way)).relu()))


def test_a_generator_is_judged_by_what_it_does(capsys):
    accepts(capsys, nb07.make_generator, one_relu_for_all)
    accepts(capsys, nb07.make_generator, Functional)
    only_the_last = lambda z, w: nn.Sequential(*right(z, w)[:6], nn.ConvTranspose2d(w, 1, 4, 2, 1), nn.Tanh())  # noqa: E731
    assert "One remark" not in verdict(capsys, nb07.make_generator, only_the_last)


@pytest.mark.parametrize(
    ("function", "fragment"),
    [
        (lambda z, w: Functional(z, w, end=torch.sigmoid), "it ends in a sigmoid"),
        (lambda z, w: nn.Sequential(*right(z, w)[:3], nn.Dropout(), *right(z, w)[3:]), "there is dropout in it"),
        (lambda z, w: nn.Sequential(*right(z, w)[:2], nn.GELU(), *right(z, w)[3:]), "has the activation gelu"),
        (
            lambda z, w: nn.Sequential(*right(z, w)[:1], nn.InstanceNorm2d(2 * w), *right(z, w)[2:]),
            "not over the batch",
        ),
        (lambda z, w: nn.Sequential(*right(z, w)[:7], nn.Hardtanh()), "it ends in hardtanh"),
        (
            lambda z, w: nn.Sequential(
                *block(z, 2 * w, 14, 1, 0), *block(2 * w, w, 3, 1, 1), *block(w, 1, norm=False, act=nn.Tanh)
            ),
            "the sides should be 7, 14 and 28, but they are 14, 14, 28",
        ),
    ],
)
def test_other_generators_are_named(capsys, function, fragment):
    rejects(capsys, nb07.make_generator, function, fragment=fragment)


def by_name(module):
    """DCGAN's code as it is copied everywhere."""
    name = module.__class__.__name__
    if "Conv" in name:
        module.weight.data.normal_(0.0, 0.02)
    elif "BatchNorm" in name:
        module.weight.data.normal_(1.0, 0.02)
        module.bias.data.fill_(0)


def replaced(module):
    start()(module)
    if isinstance(module, nn.Conv2d):
        module.weight = nn.Parameter(0.02 * torch.randn_like(module.weight))


def seeded(module):
    torch.manual_seed(0)
    start()(module)


def frozen(module):
    start()(module)
    module.requires_grad_(False)


def bias_too(module):
    start()(module)
    if isinstance(module, nn.ConvTranspose2d):
        module.bias.data.zero_()


@pytest.mark.parametrize(
    ("function", "fragment"),
    [
        (replaced, "puts new parameters into the module"),
        (seeded, "seeds PyTorch's own random generator"),
        (frozen, "leaves weights of the module frozen"),
        (bias_too, "the bias of a layer made with bias=False is None"),
        (lambda m: isinstance(m, nn.Conv2d) and m.weight.normal_(0, 0.02), "weights are changed in place while"),
        (start(conv=(0.02, 0.0)), "are all 0.02; they should be drawn from N(0, 0.02)"),
    ],
)
def test_what_first_weights_leave_behind_is_named(capsys, function, fragment):
    accepts(capsys, nb07.initialise, by_name)
    rejects(capsys, nb07.initialise, function, fragment=fragment)


def test_numbers_may_be_written_in_many_ways(capsys):
    for line in (1.0, "1", torch.tensor(1)):
        accepts(capsys, nb07.wrong_line, line)
    accepts(capsys, nb07.output_size, lambda n, k, s, p: float(by_formula(n, k, s, p)))
    accepts(capsys, nb07.diagnosis, {"s": 2.0, "r": 4, "q": "1", "p": torch.tensor(3)})


def test_a_kernel_that_is_no_multiple_of_the_stride_is_remarked(capsys):
    def uneven(latent_dim, width):
        def larger(maps, out):
            return nn.ConvTranspose2d(maps, out, 3, 2, 1, output_padding=1, bias=False)

        return nn.Sequential(
            nn.ConvTranspose2d(latent_dim, 2 * width, 7, 1, 0, bias=False),
            nn.BatchNorm2d(2 * width),
            nn.ReLU(),
            larger(2 * width, width),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            larger(width, 1),
            nn.Tanh(),
        )

    accepts(capsys, nb07.make_generator, uneven, fragment="the kernel is no multiple of the stride")
