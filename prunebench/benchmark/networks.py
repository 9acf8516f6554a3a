"""The reference networks of a plan: read back where they are kept, trained where they are not."""

import torch

from prunebench.benchmark.plan import Plan
from prunebench.benchmark.reporter import Reporter
from prunebench.device import resolve_device
from prunebench.errors import PrunebenchError, RequestError
from prunebench.networks import Networks
from prunebench.store.networks import Damaged
from prunebench.store.records import FINAL, Environment, join_history
from prunebench.store.store import Store
from prunebench.training.initial import initialise
from prunebench.training.loop import History, Progress, run_loop
from prunebench.training.state import State
from prunebench.training.train import Trajectory, train


def reference_networks(
    plan: Plan, seeds: tuple[int, ...], store: Store, made: Environment, reporter: Reporter, *, again: bool
) -> Trajectory:
    """The networks of these seeds, with a state at each of the plan's steps; `again` trains all of them.

    Seeds that are not in the store are trained wholly. A seed that lacks a step is trained from the nearest
    earlier one that is kept, only as far as that step. A file that is not whole is named and made again.
    Raises `PrunebenchError` where training diverged, `RequestError` for a step that it did not reach.
    """
    wanted = plan.seeds if plan.until_loss is not None else seeds  # see `training_id`
    for _ in range(1 + 2 * len(seeds) * (1 + len(plan.steps))):  # each pass loses at most one damaged file
        kept = {} if again else store.kept_steps(plan.training)
        whole = {seed for seed in store.trained(plan.training) if FINAL in kept.get(seed, ())}
        untrained = tuple(seed for seed in wanted if seed not in whole)
        if untrained:
            batch = tuple(wanted) if plan.until_loss is not None else untrained
            run = _train(plan, batch, store, made, reporter)
            if batch == seeds:
                return run
            again = False
            kept = store.kept_steps(plan.training)
        _check_reached(plan, min(store.trained(plan.training)[seed].gradient_steps for seed in seeds))
        try:
            _add_steps(plan, seeds, kept, store, made, reporter)
            return _read(plan, seeds, store)
        except Damaged as damage:
            reporter.warn(f"{damage}; making it again")
    raise PrunebenchError(f"{store.path}: files that were just written cannot be read back")


def subset(run: Trajectory, seeds: tuple[int, ...]) -> Trajectory:
    """The part of a trajectory that some of its seeds are; itself for all of them."""
    if seeds == run.seeds:
        return run
    at = [run.seeds.index(seed) for seed in seeds]
    history = History(run.history.steps, run.history.loss[at], run.history.accuracy[at])
    states = {
        step: State(state.networks.select(at), step, state.velocity.select(at))
        for step, state in run.states.items()
    }
    initial, final = run.initial.select(at), run.final.select(at)
    return Trajectory(
        run.task, run.recipe, seeds, initial, final, states, history, run.gradient_steps, run.seconds
    )


def _train(
    plan: Plan, seeds: tuple[int, ...], store: Store, made: Environment, reporter: Reporter
) -> Trajectory:
    run = train(
        plan.task,
        plan.recipe,
        seeds=seeds,
        snapshot_steps=plan.steps,
        device=plan.device,
        until_loss=plan.until_loss,
        progress=_progress(reporter, len(seeds)),
    )
    _check_reached(plan, run.gradient_steps)
    finite = torch.stack([t.flatten(1).isfinite().all(dim=1) for t in run.final.tensors]).all(dim=0)
    if not bool(finite.all()):
        lost = [seed for seed, ok in zip(seeds, finite.tolist(), strict=True) if not ok]
        raise PrunebenchError(f"training diverged for seeds {lost}; take a smaller --learning-rate")
    states = {step: state for step, state in run.states.items() if step > 0}
    states[FINAL] = State(run.final, run.gradient_steps)
    store.save_networks(plan.training, seeds, states, made, run.history, run.seconds)
    return run


def _progress(reporter: Reporter, networks: int) -> Progress:
    """Tells of training in steps of single networks, which is how its speed is measured everywhere."""
    return lambda done, total: reporter.progress(
        "training", done * networks, total * networks, "network-steps"
    )


def _check_reached(plan: Plan, reached: int) -> None:
    if plan.steps and plan.steps[-1] > reached:
        raise RequestError(
            "at_steps", plan.steps[-1], f"training ended by --until-loss after {reached} steps"
        )


def _add_steps(
    plan: Plan,
    seeds: tuple[int, ...],
    kept: dict[int, set[int]],
    store: Store,
    made: Environment,
    reporter: Reporter,
) -> None:
    """Train on to the steps that are not kept, with the seeds that lack the same ones together."""
    groups: dict[tuple[int, tuple[int, ...]], list[int]] = {}
    for seed in seeds:
        lacking = tuple(step for step in plan.steps if step > 0 and step not in kept[seed])
        if lacking:
            nearest = max((step for step in kept[seed] if 0 < step < lacking[0]), default=0)
            groups.setdefault((nearest, lacking), []).append(seed)
    for (nearest, lacking), group in groups.items():
        states: dict[int, State] = {}
        run_loop(
            plan.task,
            plan.recipe,
            _state(plan, tuple(group), nearest, store),
            tuple(group),
            until=lacking[-1],
            stops=lacking,
            on_stop=lambda state, states=states: states.update({state.step: state}),  # type: ignore[misc]
            progress=_progress(reporter, len(group)),
        )
        store.save_networks(plan.training, group, states, made)


def _read(plan: Plan, seeds: tuple[int, ...], store: Store) -> Trajectory:
    trained = store.trained(plan.training)
    networks = [trained[seed] for seed in seeds]
    states = {step: _state(plan, seeds, step, store) for step in plan.steps}
    return Trajectory(
        plan.task,
        plan.recipe,
        seeds,
        _initial(plan, seeds),
        _state(plan, seeds, FINAL, store).networks,
        states,
        join_history(networks),
        networks[0].gradient_steps,
        sum(network.seconds for network in networks),
    )


def _state(plan: Plan, seeds: tuple[int, ...], step: int, store: Store) -> State:
    if step == 0:
        return State(_initial(plan, seeds))
    state = State.cat([store.load_state(plan.training, seed, step) for seed in seeds])
    return state.to(resolve_device(plan.device))


def _initial(plan: Plan, seeds: tuple[int, ...]) -> Networks:
    networks = initialise(plan.recipe, plan.task.inputs, seeds, outputs=plan.task.outputs)
    return networks.to(resolve_device(plan.device))
