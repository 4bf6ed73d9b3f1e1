"""Which of the steps that wait may start: what fits, and nothing waits for ever."""

from hypothesis import given
from hypothesis import strategies as st

from mlops_runner.plan.demand import PATIENCE, Capacity, Demand, Floor, Waiting


def demand(kind="command", **amounts):
    return Demand(kind, tuple(sorted({"threads": 1, **amounts}.items())))


def line(*demands):
    waiting = Waiting()
    for position, wanted in enumerate(demands):
        waiting.push(position, wanted, (position, wanted))
    return waiting


def test_steps_start_in_the_order_of_the_plan_as_far_as_they_fit():
    floor = Floor(Capacity(8, {"threads": 4, "gpus": 1}))
    waiting = line(demand(gpus=1), demand(gpus=1), demand(threads=3), demand(threads=3))
    started = []
    while found := waiting.pop(floor.fits):
        floor.enter(found[1])
        started.append(found[0])
    assert started == [0, 2]
    floor.leave(demand(gpus=1))
    assert waiting.pop(floor.fits)[0] == 1
    assert [position for position, _ in waiting.items()] == [3]


def test_what_is_not_counted_has_no_end_and_what_runs_alone_may_take_too_much():
    floor = Floor(Capacity(2, {"threads": 1}))
    assert floor.fits(demand(threads=5, memory=2**60))
    floor.enter(demand(threads=5))
    assert not floor.fits(demand())
    floor.leave(demand(threads=5))
    floor.enter(demand(kind="search", threads=0))
    assert not floor.fits(demand(threads=0)), "a search runs alone"


def test_a_step_that_needs_much_is_passed_so_often_and_then_no_more():
    floor = Floor(Capacity(100, {"threads": 4}))
    waiting = line(demand(threads=4), *[demand()] * 40)
    floor.enter(demand())
    started = []
    while found := waiting.pop(floor.fits):
        started.append(found[0])  # each ends at once, and there is always one more
    assert started == list(range(1, PATIENCE + 1))
    floor.leave(demand())
    assert waiting.pop(floor.fits)[0] == 0
    assert waiting.pop(floor.fits)[0] == PATIENCE + 1


def test_what_nothing_serves_yet_holds_nobody_up():
    waiting = line(demand(kind="train"), *[demand()] * 20)
    started = []
    while found := waiting.pop(lambda wanted: None if wanted.kind == "train" else True):
        started.append(found[0])
    assert started == list(range(1, 21))


WANTED = st.builds(
    lambda kind, threads, gpus, pool: demand(kind, threads=threads, **({"gpus": gpus} | {"pools.a": pool})),
    st.sampled_from(["command", "command", "search"]),
    st.integers(1, 4),
    st.integers(0, 2),
    st.integers(0, 3),
)


@given(st.lists(WANTED, max_size=60), st.randoms(use_true_random=False), st.integers(1, 6))
def test_everything_starts_once_and_never_more_than_there_is(demands, draw, jobs):
    there = {"threads": 4, "gpus": 2, "pools.a": 3}
    floor, waiting = Floor(Capacity(jobs, there)), line(*demands)
    running, order = [], []
    while waiting or running:
        while found := waiting.pop(floor.fits):
            floor.enter(found[1])
            running.append(found)
            order.append(found[0])
        assert len(running) <= jobs
        for name, most in there.items():
            assert sum(wanted.of(name) for _, wanted in running) <= most
        floor.leave(running.pop(draw.randrange(len(running)))[1])
    assert sorted(order) == list(range(len(demands)))
    for place, position in enumerate(order):
        assert sum(1 for later in order[:place] if later > position) <= len(demands)
