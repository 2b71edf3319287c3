"""The two flows: density, inverse, divergence, and who feels which gradient."""

import math
from functools import cache

import pytest
import torch
from torch import Tensor
from torch.distributions import MultivariateNormal

from tests.conftest import small
from vae_core.rule import Batch, Standardiser, gaussian_log_density
from vae_core.run.recipe import parse_knobs
from vae_core.trainer.random_streams import stream
from vae_core.trainer.trainer import Trainer

FLOWS = ("flow", "continuous_flow")


@cache
def state_of(name: str, mode: str) -> bytes:
    trainer = Trainer(small(rule=name, knobs={"mode": mode}), points=300)
    trainer.train(300)
    return trainer.state()


def trained(name: str, mode: str = "frozen") -> Trainer:
    """One for each test: what is put through a rule that trains moves its standardiser."""
    return Trainer.from_state(state_of(name, mode))


def places(count: int = 64) -> Tensor:
    """Where the codes are, and some way around, in the units of a flow that starts at its standardiser."""
    return 1.5 * torch.randn(count, 2, generator=stream(3))


def exact(trainer: Trainer):
    """A copy of the rule in float64: solver and inverse are judged without the noise of float32."""
    other = Trainer.from_state(trainer.state())
    other.networks.eval()
    return other.rule.double(), other.knobs


@pytest.mark.parametrize(("name", "step"), [("flow", 0.05), ("continuous_flow", 0.1)])  # the latter is smooth, and slow
def test_the_density_integrates_to_one(name, step):
    rule, knobs = exact(trained(name))
    side = torch.linspace(-6, 6, round(12 / step) + 1, dtype=torch.float64)  # in standard deviations
    u = torch.stack(torch.meshgrid(side, side, indexing="xy"), -1).reshape(-1, 2)
    z = rule.standardise.inverse(u)
    with torch.no_grad():
        mass = rule.log_density(z, knobs).exp().sum() * step**2 * rule.standardise.deviation.prod()
    # The grid's error: a peak narrower than the step would show; so would a wrong determinant.
    assert abs(float(mass) - 1) < 0.01, mass


class TestSpline:
    def test_the_inverse_inverts(self):
        rule, knobs = exact(trained("flow"))
        z = rule.standardise.inverse(places().double())
        with torch.no_grad():
            again = rule.from_prior(rule.to_normal(z, knobs)[0], knobs)
            draws = places().double()
            there = rule.to_normal(rule.from_prior(draws, knobs), knobs)[0]
        torch.testing.assert_close(again, z, rtol=1e-8, atol=1e-8)
        torch.testing.assert_close(there, draws, rtol=1e-8, atol=1e-8)

    @pytest.mark.parametrize("layers", [1, 2, 5])
    def test_the_density_is_the_change_of_variables(self, layers):
        """Against autograd's whole Jacobian of the map, whose density is that of a torch distribution."""
        rule, _ = exact(trained("flow"))
        knobs = parse_knobs("flow", {"layers": layers})
        z = rule.standardise.inverse(places(16).double())
        jacobians = torch.stack([torch.autograd.functional.jacobian(lambda p: one(rule, p, knobs), p) for p in z])
        normal = MultivariateNormal(torch.zeros(2, dtype=z.dtype), torch.eye(2, dtype=z.dtype))
        expected = normal.log_prob(rule.to_normal(z, knobs)[0]) + jacobians.det().abs().log()
        torch.testing.assert_close(rule.log_density(z, knobs), expected, rtol=1e-6, atol=1e-6)

    def test_every_layer_moves_one_coordinate_by_turns(self):
        rule, _ = exact(trained("flow"))
        u = places().double()
        for layer in range(3):
            after, _ = rule.couple(layer, u)
            assert torch.equal(after[:, layer % 2], u[:, layer % 2])
            assert not torch.equal(after[:, 1 - layer % 2], u[:, 1 - layer % 2])

    def test_the_charge_as_a_prior_is_an_unbiased_kl(self):
        """KL(q ‖ flow) of one Gaussian q: 40,000 charges of one draw each, against a sum on a grid."""
        rule, _ = exact(trained("flow"))
        knobs = parse_knobs("flow", {"mode": "prior"})
        centre, log_variance = rule.standardise.inverse(torch.tensor([[0.4, -0.3]])).double(), [0.5, -0.2]
        log_variance = torch.tensor([log_variance], dtype=torch.float64) + 2 * rule.standardise.deviation.log() - 2
        count = 40_000
        heads = {"mean": centre.expand(count, 2), "log_variance": log_variance.expand(count, 2)}
        draws = torch.randn(count, 2, generator=stream(9), dtype=torch.float64)
        batch = Batch(torch.zeros(count, 784), torch.full((count,), -1), draws)
        with torch.no_grad():
            charge = rule(heads, torch.zeros(count, 2), knobs, batch).penalty["kl"]
            scale = (0.5 * log_variance).exp()
            side = torch.linspace(-6, 6, 241, dtype=torch.float64)
            e = torch.stack(torch.meshgrid(side, side, indexing="xy"), -1).reshape(-1, 2)
            log_q = gaussian_log_density(e) - scale.log().sum()
            share = gaussian_log_density(e).exp() * 0.05**2
            kl = (share * (log_q - rule.log_density(centre + scale * e, knobs))).sum()
        error = charge.std() / math.sqrt(count)
        assert kl > 0 and abs(charge.mean() - kl) < 4 * error + 1e-3, (charge.mean(), kl, error)

    def test_the_charge_as_a_prior_does_not_notice_the_noise_switch(self):
        rule, knobs = trained("flow").rule.eval(), parse_knobs("flow", {"mode": "prior"})
        heads, batch = make_heads(), make_batch()
        on, off = (rule(heads, s * batch.draws, knobs, batch) for s in (1.0, 0.0))
        assert torch.equal(on.penalty["kl"], off.penalty["kl"]) and not torch.equal(on.z, off.z)


class TestContinuous:
    def test_there_and_back_and_of_fourth_order(self):
        """Twice the steps, a sixteenth of the error: of the round trip's, and of the way's end."""
        rule, _ = exact(trained("continuous_flow"))
        u = places().double()
        with torch.no_grad():
            there = {n: rule.stream(u, n)[-1] for n in (16, 32, 64, 512)}
            back = {n: rule.stream(there[n], n, backward=True)[-1] for n in (16, 32, 64)}
        errors = [float((there[n] - there[512]).norm()) for n in (16, 32, 64)]
        assert 8 < errors[0] / errors[1] < 40 and 8 < errors[1] / errors[2] < 40, errors
        returns = [float((back[n] - u).abs().max()) for n in (16, 32, 64)]
        assert returns[0] < 0.02 and returns[2] < returns[0] / 50, returns

    def test_divergence_against_the_whole_jacobian(self):
        rule, _ = exact(trained("continuous_flow"))
        u, t = places(16).double(), torch.tensor(0.7, dtype=torch.float64)
        v, divergence = rule.divergence(u, t)
        jacobians = [torch.autograd.functional.jacobian(lambda p: rule.v(p.unsqueeze(0), t)[0], p) for p in u]
        torch.testing.assert_close(v, rule.v(u, t).detach())
        torch.testing.assert_close(divergence, torch.stack([j.trace() for j in jacobians]))

    def test_the_density_is_that_of_the_solved_map(self):
        """The trace along the way against the determinant of the whole map's Jacobian."""
        rule, _ = exact(trained("continuous_flow"))
        knobs = parse_knobs("continuous_flow", {"steps": 64})
        z = rule.standardise.inverse(places(4).double())

        def back(place: Tensor) -> Tensor:
            return rule.stream(rule.standardise(place.unsqueeze(0))[0], 64, backward=True)[-1, 0]

        expected = gaussian_log_density(torch.stack([back(p) for p in z]))
        expected += torch.stack([torch.autograd.functional.jacobian(back, p).det().abs().log() for p in z])
        torch.testing.assert_close(rule.log_density(z, knobs), expected.detach(), rtol=1e-4, atol=1e-4)

    def test_the_velocity_of_normal_codes_brings_them_forth(self):
        """Draws of N(0, I) streamed along the closed form end as codes that are N(0, I), too."""
        rule, _ = exact(trained("continuous_flow"))
        rule.v = rule.v_of_normal
        draws = places().double()
        ends = rule.from_prior(draws, parse_knobs("continuous_flow", {"steps": 64}))
        torch.testing.assert_close(ends, draws, rtol=1e-3, atol=1e-3)


def one(rule, place: Tensor, knobs) -> Tensor:
    return rule.to_normal(place.unsqueeze(0), knobs)[0][0]


def make_heads() -> dict[str, Tensor]:
    values = {n: torch.randn(32, 2, generator=stream(4, n)) for n in ("mean", "log_variance")}
    return {n: value.requires_grad_() for n, value in values.items()}


def make_batch() -> Batch:
    return Batch(torch.zeros(32, 784), torch.arange(32), torch.randn(32, 2, generator=stream(5)))


@pytest.mark.parametrize(
    ("name", "mode", "felt"),
    [
        ("flow", "frozen", False),
        ("flow", "together", True),
        ("flow", "prior", True),
        ("continuous_flow", "frozen", False),
        ("continuous_flow", "together", True),
    ],
)
def test_who_feels_the_charge(name, mode, felt):
    """Frozen: the flow alone. Else the encoder, too."""
    rule, heads, batch = trained(name).rule.train(), make_heads(), make_batch()
    rule.zero_grad()
    knobs = parse_knobs(name, {"mode": mode})
    sum(p.sum() for p in rule(heads, batch.draws, knobs, batch).penalty.values()).backward()
    assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in rule.parameters())
    assert (heads["mean"].grad is not None and bool(heads["mean"].grad.abs().sum() > 0)) == felt
    rule.zero_grad()


def test_together_the_encoder_lowers_the_kl_to_the_normal():
    """Its gradient is that of log p(z) − log N(z; 0, I), the flow's that of −log p(z), both by autograd."""
    rule, heads, batch = trained("flow").rule.eval(), make_heads(), make_batch()
    knobs = parse_knobs("flow", {"mode": "together", "beta": 0.5})
    sum(p.sum() for p in rule(heads, batch.draws, knobs, batch).penalty.values()).backward()
    flow_gradient = rule.splines[0][0].weight.grad.clone()
    rule.zero_grad()
    z = heads["mean"].detach().requires_grad_()
    (rule.log_density(z, knobs) - gaussian_log_density(z)).sum().backward()
    torch.testing.assert_close(heads["mean"].grad, 0.5 * z.grad, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(flow_gradient, -rule.splines[0][0].weight.grad, rtol=1e-3, atol=1e-4)
    rule.zero_grad()


@pytest.mark.parametrize("name", FLOWS)
def test_together_codes_do_not_shrink_to_nothing(name):
    """A likelihood that the encoder may raise is without bound, and makes codes vanish."""
    mean = trained(name, "together").frame().mean
    assert mean.std(0).min() > 0.3 and mean.std(0).max() < 6


@pytest.mark.parametrize("name", FLOWS)
def test_the_flow_beats_the_gaussian_fitted_to_the_codes(name):
    trainer = trained(name)
    codes = torch.tensor(trainer.frame().mean)
    fitted = MultivariateNormal(codes.mean(0), torch.cov(codes.T))
    with torch.no_grad():
        gain = trainer.rule.log_density(codes, trainer.knobs).mean() - fitted.log_prob(codes).mean()
    assert gain > 0.05, gain  # 0.45 and 0.09


@pytest.mark.parametrize("name", FLOWS)
def test_same_recipe_same_bits_and_the_global_stream_is_left_alone(name):
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first, again = (Trainer(small(rule=name), points=50) for _ in range(2))
    first.train(20), again.train(20)
    assert torch.equal(before, torch.get_rng_state())
    assert first.frame().packed() == again.frame().packed()
    for (part, a), b in zip(first.rule.state_dict().items(), again.rule.state_dict().values(), strict=True):
        assert torch.equal(a, b), part
    assert not torch.equal(
        next(first.rule.parameters()), next(Trainer(small(rule=name, seed=1), points=50).rule.parameters())
    )


@pytest.mark.parametrize(
    ("name", "knobs"),
    [
        ("flow", {"mode": "together"}),
        ("flow", {"mode": "prior"}),
        ("flow", {"layers": 6}),
        ("continuous_flow", {"mode": "together"}),
        ("continuous_flow", {"steps": 2}),
    ],
)
def test_settings_change_in_mid_run(name, knobs):
    trainer = Trainer(small(rule=name), points=50)
    trainer.train(20)
    trainer.switch(knobs=knobs)
    assert math.isfinite(trainer.advance(20).metrics["objective"])
    trainer.switch(rule="vae")
    trainer.train(5)
    trainer.switch(rule=name)
    assert math.isfinite(trainer.advance(5).metrics["objective"])


def test_the_standardiser_follows_and_rests():
    standardise = Standardiser()
    codes = torch.tensor([30.0, -7.0]) + torch.tensor([4.0, 0.5]) * torch.randn(4000, 2, generator=stream(6))
    for _ in range(200):
        u, ladj = standardise(codes)
    torch.testing.assert_close(u.mean(0), torch.zeros(2), atol=1e-2, rtol=0)
    torch.testing.assert_close(u.std(0), torch.ones(2), atol=1e-2, rtol=0)
    torch.testing.assert_close(ladj[0], -codes.std(0).log().sum(), atol=1e-2, rtol=0)
    torch.testing.assert_close(standardise.inverse(u), codes)
    standardise.eval()
    before = standardise.mean.clone()
    standardise(torch.zeros(10, 2))
    assert torch.equal(standardise.mean, before)
