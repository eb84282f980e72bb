"""Named methods: each is a rule, an update, and the papers that it comes from."""

from __future__ import annotations

from typing import Literal

from .base import Method
from .rules import (
    Deadline,
    FedBuff,
    Greedy,
    Malenia,
    MSynchronous,
    OverSampling,
    OverSelection,
    Paced,
    Periodic,
    Rennala,
    Ringleader,
    Ringmaster,
    Streaming,
    Synchronous,
)
from .rules.checks import Interrupt
from .updates import HARPG, MVR, NIGT, AFedPG, DelayAdaptivePG, LocalSteps, VanillaPG
from .updates.mvr import CLIP

# Authors (year). Title. Where it appeared: `asyncsim cite` reads it so.
NIGT_PAPER = (
    "Alexander Tyurin, Andrei Spiridonov, Varvara Rudenko (2025). Asynchronous Policy Gradient Aggregation for "
    "Efficient Distributed Reinforcement Learning. arXiv 2509.24305"
)
AFEDPG_PAPER = (
    "Guangchen Lan, Dong-Jun Han, Abolfazl Hashemi, Vaneet Aggarwal, Christopher G. Brinton (2024). Asynchronous "
    "Federated Reinforcement Learning with Policy Gradient Updates: Algorithm Design and Convergence Analysis. "
    "arXiv 2404.08003"
)
REINFORCE_PAPER = (
    "Ronald J. Williams (1992). Simple Statistical Gradient-Following Algorithms for Connectionist Reinforcement "
    "Learning. Machine Learning 8"
)
A3C_PAPER = (
    "Volodymyr Mnih, Adrià Puigdomènech Badia, Mehdi Mirza, Alex Graves, Timothy P. Lillicrap, Tim Harley, David "
    "Silver, Koray Kavukcuoglu (2016). Asynchronous Methods for Deep Reinforcement Learning. arXiv 1602.01783"
)
RENNALA_PAPER = (
    "Alexander Tyurin, Peter Richtárik (2023). Optimal Time Complexities of Parallel Stochastic Optimization "
    "Methods Under a Fixed Computation Model. arXiv 2305.12387"
)
RINGMASTER_PAPER = (
    "Artavazd Maranjyan, Alexander Tyurin, Peter Richtárik (2025). Ringmaster ASGD: The First Asynchronous SGD "
    "with Optimal Time Complexity. arXiv 2501.16168"
)
RINGLEADER_PAPER = (
    "Artavazd Maranjyan, Peter Richtárik (2025). Ringleader ASGD: The First Asynchronous SGD with Optimal Time "
    "Complexity under Data Heterogeneity. arXiv 2509.22860"
)
FEDBUFF_PAPER = (
    "John Nguyen, Kshitiz Malik, Hongyuan Zhan, Ashkan Yousefpour, Michael Rabbat, Mani Malek, Dzmitry Huba "
    "(2021). Federated Learning with Buffered Asynchronous Aggregation. arXiv 2106.06639"
)
DELAY_ADAPTIVE_PAPER = (
    "Konstantin Mishchenko, Francis Bach, Mathieu Even, Blake Woodworth (2022). Asynchronous SGD Beats Minibatch "
    "SGD Under Arbitrary Delays. arXiv 2206.07638"
)
AT_SCALE_PAPER = (
    "Keith Bonawitz, Hubert Eichner, Wolfgang Grieskamp, Dzmitry Huba, et al. (2019). Towards Federated Learning "
    "at Scale: System Design. arXiv 1902.01046"
)
MVR_PAPER = (
    "Zhirayr Tovmasyan, Artavazd Maranjyan, Peter Richtárik (2026). Rennala MVR: Improved Time Complexity for "
    "Parallel Stochastic Optimization via Momentum-Based Variance Reduction. arXiv 2605.08871"
)
STORM_PAPER = (
    "Huizhuo Yuan, Xiangru Lian, Ji Liu, Yuren Zhou (2020). Stochastic Recursive Momentum for Policy Gradient "
    "Methods. arXiv 2003.04302"
)
HARPG_PAPER = (
    "Ilyas Fatkhullin, Anas Barakat, Anastasia Kireeva, Niao He (2023). Stochastic Policy Gradient Methods: "
    "Improved Sample Complexity for Fisher-non-degenerate Policies. arXiv 2302.01734"
)
FEDAVG_PAPER = (
    "H. Brendan McMahan, Eider Moore, Daniel Ramage, Seth Hampson, Blaise Agüera y Arcas (2016). "
    "Communication-Efficient Learning of Deep Networks from Decentralized Data. arXiv 1602.05629"
)
ONE_STEP_OFF_PAPER = (
    "Michael Noukhovitch, Shengyi Huang, Sophie Xhonneux, Arian Hosseini, Rishabh Agarwal, Aaron Courville (2024). "
    "Asynchronous RLHF: Faster and More Efficient Off-Policy RL for Language Models. arXiv 2410.18252"
)
AREAL_PAPER = (
    "Wei Fu, Jiaxuan Gao, Xujie Shen, Chen Zhu, et al. (2025). AReaL: A Large-Scale Asynchronous Reinforcement "
    "Learning System for Language Reasoning. arXiv 2505.24298"
)
PIPELINE_PAPER = (
    "Alexandre Piché, Ehsan Kamalloo, Rafael Pardinas, Xiaoyin Chen, Dzmitry Bahdanau (2025). PipelineRL: Faster "
    "On-policy Reinforcement Learning for Long Sequence Generation. arXiv 2509.19128"
)
BACKUP_PAPER = (
    "Jianmin Chen, Xinghao Pan, Rajat Monga, Samy Bengio, Rafal Jozefowicz (2016). Revisiting Distributed "
    "Synchronous SGD. arXiv 1604.00981"
)


def synchronous_pg(step_size: float, jobs_each: int = 1) -> Method:
    """A plain step with the mean of all workers' gradients. (Table 1 of arXiv 2509.24305)"""
    return Method("synchronous_pg", Synchronous(jobs_each), VanillaPG(step_size), (REINFORCE_PAPER,))


def synchronous_nigt(step_size: float, momentum: float = 0.1, jobs_each: int = 1) -> Method:
    """An NIGT step with the mean of all workers' gradients. (arXiv 2509.24305, section 6)"""
    return Method("synchronous_nigt", Synchronous(jobs_each), NIGT(step_size, momentum), (NIGT_PAPER,))


def rennala_pg(batch_size: int, step_size: float, initial_batch_size: int | None = None) -> Method:
    """A plain step with the mean of the first M gradients. (Table 1 of arXiv 2509.24305)"""
    rule = Rennala(batch_size, initial_batch_size)
    return Method("rennala_pg", rule, VanillaPG(step_size), (RENNALA_PAPER, NIGT_PAPER))


def rennala_nigt(
    batch_size: int,
    step_size: float,
    momentum: float = 0.1,
    initial_batch_size: int | None = None,
    communication: Literal["round", "gradient"] = "round",
    lookahead: bool = True,
) -> Method:
    """An NIGT step with the mean of the first M gradients. (arXiv 2509.24305, Algorithms 1 and 2)

    With another ``communication`` (see `Rennala`) or ``lookahead`` (see `NIGT`) than the default it is an ablation.
    """
    rule = Rennala(batch_size, initial_batch_size, communication)
    return Method("rennala_nigt", rule, NIGT(step_size, momentum, lookahead), (NIGT_PAPER, RENNALA_PAPER))


def malenia_pg(batch_size: int, step_size: float, initial_batch_size: int | None = None) -> Method:
    """A plain step with a mean in which every worker has the same weight. (Table 2 of arXiv 2509.24305)"""
    rule = Malenia(batch_size, initial_batch_size)
    return Method("malenia_pg", rule, VanillaPG(step_size), (RENNALA_PAPER, NIGT_PAPER))


def malenia_nigt(
    batch_size: int, step_size: float, momentum: float = 0.1, initial_batch_size: int | None = None
) -> Method:
    """An NIGT step with a mean in which every worker has the same weight. (arXiv 2509.24305, Algorithms 1 and 4)"""
    rule = Malenia(batch_size, initial_batch_size)
    return Method("malenia_nigt", rule, NIGT(step_size, momentum), (NIGT_PAPER, RENNALA_PAPER))


def afedpg(step_size: float, momentum: float = 0.1, step_decay: float = 0.0, momentum_decay: float = 0.0) -> Method:
    """Every gradient is an update, with momentum and look-ahead at the server. (arXiv 2404.08003, Algorithm 1)"""
    return Method("afedpg", Greedy(), AFedPG(step_size, momentum, step_decay, momentum_decay), (AFEDPG_PAPER,))


def afedpg_capped(
    step_size: float,
    workers: int,
    cap: int | None = None,
    momentum: float = 0.1,
    step_decay: float = 0.0,
    momentum_decay: float = 0.0,
) -> Method:
    """AFedPG, a variant that no paper has: gradients older than a cap are ignored, as in the first author's simulators.

    cap: in updates; None: as many as workers. Who brings an older one starts afresh at the newest look-ahead point.
    """
    rule = Ringmaster((workers if cap is None else cap) + 1)  # which drops delays from there on
    return Method("afedpg_capped", rule, AFedPG(step_size, momentum, step_decay, momentum_decay), (AFEDPG_PAPER,))


def asynchronous_pg(step_size: float) -> Method:
    """Every gradient is a plain step: A3C's update without a critic. (arXiv 1602.01783)"""
    return Method("asynchronous_pg", Greedy(), VanillaPG(step_size), (A3C_PAPER,))


def m_synchronous_nigt(participants: int, step_size: float, momentum: float = 0.1) -> Method:
    """An NIGT step with the mean of the m fastest workers' gradients. (arXiv 1604.00981; the update of 2509.24305)"""
    return Method(
        "m_synchronous_nigt", MSynchronous(participants), NIGT(step_size, momentum), (BACKUP_PAPER, NIGT_PAPER)
    )


def over_selection_nigt(batch_size: int, step_size: float, extra: int = 1, momentum: float = 0.1) -> Method:
    """An NIGT step with the first m of m + k workers that were started. (arXiv 1902.01046; the update of 2509.24305)"""
    rule = OverSelection(batch_size, extra)
    return Method("over_selection_nigt", rule, NIGT(step_size, momentum), (AT_SCALE_PAPER, NIGT_PAPER))


def deadline_nigt(batch_size: int, seconds: float, step_size: float, momentum: float = 0.1) -> Method:
    """An NIGT step with the first M gradients, or with as many as there are after some seconds.

    (arXiv 1902.01046 has rounds that end so; the update of 2509.24305.)
    """
    rule = Deadline(batch_size, seconds)
    return Method("deadline_nigt", rule, NIGT(step_size, momentum), (AT_SCALE_PAPER, NIGT_PAPER))


def periodic_nigt(seconds: float, step_size: float, momentum: float = 0.1) -> Method:
    """An NIGT step every so many seconds, with the mean of all gradients that are there. (The update of 2509.24305)"""
    return Method("periodic_nigt", Periodic(seconds), NIGT(step_size, momentum), (NIGT_PAPER,))


def delay_adaptive_pg(step_size: float, workers: int) -> Method:
    """Every gradient is a plain step, shorter the older it is. (arXiv 2206.07638)"""
    return Method("delay_adaptive_pg", Greedy(), DelayAdaptivePG(step_size, workers), (DELAY_ADAPTIVE_PAPER,))


def ringmaster_nigt(max_delay: int, step_size: float, momentum: float = 0.1, cancel: bool = False) -> Method:
    """Every gradient with a delay below R is an NIGT step: a combination of arXiv 2501.16168 and 2509.24305."""
    rule = Ringmaster(max_delay, cancel)
    return Method("ringmaster_nigt", rule, NIGT(step_size, momentum), (RINGMASTER_PAPER, NIGT_PAPER))


def ringleader_pg(step_size: float) -> Method:
    """Plain steps with a table in which every worker has the same weight. (arXiv 2509.22860, Algorithm 1)"""
    return Method("ringleader_pg", Ringleader(), VanillaPG(step_size), (RINGLEADER_PAPER,))


def fedbuff_pg(batch_size: int, step_size: float) -> Method:
    """Plain steps with the mean of a buffer of K gradients, however old. (arXiv 2106.06639)"""
    return Method("fedbuff_pg", FedBuff(batch_size), VanillaPG(step_size), (FEDBUFF_PAPER,))


def one_step_off_pg(step_size: float, jobs_each: int = 1) -> Method:
    """Synchronous batches, each computed while the server makes an update of the one before. (arXiv 2410.18252)"""
    rule = Synchronous(jobs_each, overlap=1)
    return Method("one_step_off_pg", rule, VanillaPG(step_size), (ONE_STEP_OFF_PAPER, REINFORCE_PAPER))


def streaming_pg(
    batch_size: int, step_size: float, max_age: int | None = None, interrupt: Interrupt = "none"
) -> Method:
    """Plain steps with the first K gradients, while workers go on; older ones than a cap are refused.

    (arXiv 2505.24298, and 2509.19128, where jobs in the middle go on at the new point: interrupt="continue".)
    """
    rule = Streaming(batch_size, max_age, interrupt)
    return Method("streaming_pg", rule, VanillaPG(step_size), (AREAL_PAPER, PIPELINE_PAPER))


def paced_pg(batch_size: int, max_age: int, step_size: float, interrupt: Interrupt = "none") -> Method:
    """Plain steps with K gradients, while workers go on as far as none can become too old. (After arXiv 2505.24298)"""
    rule = Paced(batch_size, max_age, interrupt)
    return Method("paced_pg", rule, VanillaPG(step_size), (AREAL_PAPER,))


def over_sampling_pg(batch_size: int, step_size: float, extra: int = 1) -> Method:
    """Plain steps with the first K of K + k jobs at work; the late ones count later. (After arXiv 1902.01046)"""
    return Method("over_sampling_pg", OverSampling(batch_size, extra), VanillaPG(step_size), (AT_SCALE_PAPER,))


def synchronous_mvr(step_size: float, momentum: float = 0.1, clip: float = CLIP, work: float = 2.0) -> Method:
    """Momentum with variance reduction, normalised, with the mean of all workers' jobs. (STORM-PG, arXiv 2003.04302)

    work: h_i that a job takes: 2, one for each of its two gradients; 1 where only sampling takes time.
    """
    return Method("synchronous_mvr", Synchronous(), MVR(step_size, momentum, clip), (STORM_PAPER, MVR_PAPER), work)


def rennala_mvr(
    batch_size: int,
    step_size: float,
    momentum: float = 0.1,
    initial_batch_size: int | None = None,
    clip: float = CLIP,
    work: float = 2.0,
) -> Method:
    """Momentum with variance reduction, normalised, with the mean of the first M jobs. (arXiv 2605.08871)

    work: as in `synchronous_mvr`.

    Deviations: importance weights, because it is policies that are trained, and `MVR`'s normalised steps.
    """
    rule = Rennala(batch_size, initial_batch_size)
    return Method("rennala_mvr", rule, MVR(step_size, momentum, clip), (MVR_PAPER, STORM_PAPER), work)


def rennala_harpg(
    batch_size: int,
    step_size: float,
    momentum: float = 0.1,
    initial_batch_size: int | None = None,
    work: float = 2.0,
) -> Method:
    """A step of N-HARPG with the mean of the first M jobs: a combination of arXiv 2305.12387 and 2302.01734.

    work: h_i that a job takes: 2, one for the gradient and one for the Hessian-vector product of another trajectory.
    """
    rule = Rennala(batch_size, initial_batch_size)
    return Method("rennala_harpg", rule, HARPG(step_size, momentum), (HARPG_PAPER, RENNALA_PAPER), work)


def synchronous_local(step_size: float, local_steps: int, local_step_size: float) -> Method:
    """FedAvg: every worker makes k plain steps, and the server takes α times their mean. (arXiv 1602.05629)"""
    update = LocalSteps(step_size, local_steps, local_step_size)
    return Method("synchronous_local", Synchronous(), update, (FEDAVG_PAPER,), float(local_steps))


def fedbuff_local(batch_size: int, step_size: float, local_steps: int, local_step_size: float) -> Method:
    """FedBuff as published: a buffer of what K jobs of k plain steps changed, however old. (arXiv 2106.06639)"""
    update = LocalSteps(step_size, local_steps, local_step_size)
    return Method("fedbuff_local", FedBuff(batch_size), update, (FEDBUFF_PAPER,), float(local_steps))
