"""Machines that share a search come to what one comes to alone: whoever is slow, dies or comes back, and whatever the order."""

import dataclasses
import os
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import jaxtricks as jt
from jaxtricks.bucket import Bucket
from jaxtricks.search import SharedFolder
from jaxtricks.search.batch import Batch, Restart, Stage
from jaxtricks.search.board import Mark, cut, merged, result_of
from jaxtricks.search.course import Course
from jaxtricks.search.journal import JOURNAL, JournalBoard, SearchJournal
from jaxtricks.search.participant import LONGEST, Participant
from jaxtricks.search.shared_bucket import meeting
from jaxtricks.search.sharing import IDENTITY, board_of
from tests.search.sharing_worker import RULES, SEARCH, SPACE, Formula, lines, searched

LEASE = 60.0


def values(course):
    """All of a search but for how long it took."""
    return [line | {"seconds": 0, "compiling": 0} for line in lines(course)]


@pytest.fixture(scope="module")
def alone():
    return searched(JournalBoard(SearchJournal((), lambda line: None)), Formula(None))


class Simulated:
    """Machines that take turns as told: each step of one of them is a move, or the end of what it trains."""

    def __init__(self, folder, machines):
        self.now, self.folder = 0.0, folder
        self.trainer = Formula(False)
        self.trained = []
        self.machines = [self.machine() for _ in range(machines)]

    def machine(self):
        with meeting(self.folder, LEASE).opened(SEARCH) as board:
            participant, course = Participant(board, lambda: self.now, lambda seconds: None), Course(RULES, SPACE)
            while True:
                line = board.batch(len(course.judged), lambda: self.proposed(course))  # noqa: B023 (called at once)
                if line is None:
                    return course
                jobs = self.trainer.jobs(course, Batch.from_json(line, SPACE))
                yield
                while (move := participant.move(jobs)).results is None:
                    claim = participant._held
                    yield
                    if move.job is not None:
                        with self.trainer.trained(jobs[move.job], course) as result:
                            self.trained.append((jobs[move.job].of, move.job))
                            claim.put(result)
                    yield
                course = course.after(merged(jobs, move.results))

    def proposed(self, course):
        batch = course.next()
        return [] if batch is None else self.trainer.jobs(course, batch)

    def run(self, orders):
        """Steps of machines, and seconds that pass, as told; then all that are left, to their ends."""
        ended, dead = {}, set()
        for kind, number in orders:
            if kind == "time":
                self.now += number
            elif kind == "die":
                dead |= {number} if number else set()  # the first one stays
            elif number not in dead | ended.keys():
                self.step(number, ended)
        while waiting := [number for number in range(len(self.machines)) if number not in dead | ended.keys()]:
            for number in waiting:
                self.step(number, ended)
            self.now += 1.0
        return ended

    def step(self, number, ended):
        try:
            next(self.machines[number])
        except StopIteration as end:
            ended[number] = end.value


ORDERS = st.lists(
    st.one_of(
        st.tuples(st.just("step"), st.integers(0, 3)),
        st.tuples(st.just("step"), st.integers(0, 3)),
        st.tuples(st.just("time"), st.sampled_from([1.0, 30.0, 100.0])),
        st.tuples(st.just("die"), st.integers(0, 3)),
    ),
    max_size=60,
)


@given(ORDERS)
@settings(max_examples=25, deadline=None)
@pytest.mark.parametrize("bucket", [False, True])
def test_whatever_the_order_and_whoever_dies_or_comes_late_all_come_to_what_one_alone_does(
    tmp_path_factory, alone, bucket, orders
):
    folder = tmp_path_factory.mktemp("share") / "search"
    world = Simulated(f"memory://{folder}" if bucket else folder, machines=4)
    ended = world.run(orders)
    assert ended and all(values(course) == values(alone) for course in ended.values())
    first, *others = (lines(course) for course in ended.values())  # seconds, too
    assert all(other == first for other in others)


@pytest.mark.parametrize("scheme", ["", "memory://"])
def test_where_nobody_dies_no_job_is_trained_twice(tmp_path, alone, scheme):
    world = Simulated(f"{scheme}{tmp_path}/search", machines=3)
    assert len(world.run([])) == 3
    assert len(set(world.trained)) == len(world.trained) and len(world.trained) > len(alone.judged)


def test_one_that_begins_while_another_does_takes_part(tmp_path, monkeypatch):
    place, begun = meeting(f"memory://{tmp_path}"), []

    def first(ask):
        def asked(bucket, *given):
            answer = ask(bucket, *given)
            if not begun:
                begun.append(True)
                with place.opened(SEARCH):
                    pass
            return answer

        return asked

    monkeypatch.setattr(Bucket, "read", first(Bucket.read))
    monkeypatch.setattr(Bucket, "signs", first(Bucket.signs))
    with place.opened(SEARCH):
        assert begun


def test_threads_on_one_folder_come_to_the_same_and_train_nothing_twice(tmp_path, alone):
    found, jobs, lock = [], [], threading.Lock()
    gate = threading.Barrier(4)

    def before(job):
        with lock:
            jobs.append((job.of, job.number))

    def take_part():
        gate.wait()
        with SharedFolder(tmp_path / "search").opened(SEARCH) as board:
            found.append(searched(board, Formula(False, before)))

    threads = [threading.Thread(target=take_part) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4 and all(lines(each) == lines(found[0]) and values(each) == values(alone) for each in found)
    assert len(set(jobs)) == len(jobs)


def test_who_works_long_keeps_the_job_since_the_claim_is_renewed(tmp_path):
    """The lease ends many times while one machine trains its first job; the other one waits."""
    begun, other_ended = threading.Event(), threading.Event()
    jobs = []

    def slow(job):
        jobs.append((job.of, job.number))
        begun.set()
        if len(jobs) == 1:
            other_ended.wait(1.0)

    def take_part(before):
        with SharedFolder(tmp_path / "search", lease=0.1).opened(SEARCH) as board:
            searched(board, Formula(False, before))

    thread = threading.Thread(target=take_part, args=(slow,))
    thread.start()
    begun.wait()
    more = []
    take_part(lambda job: more.append((job.of, job.number)))
    thread.join()
    assert jobs[0] not in more and len({*jobs, *more}) == len(jobs) + len(more)


def test_a_job_whose_training_fails_is_given_back_at_once(tmp_path, alone):
    def fail(job):
        raise KeyboardInterrupt

    with SharedFolder(tmp_path / "search").opened(SEARCH) as board:
        with pytest.raises(KeyboardInterrupt):
            searched(board, Formula(False, fail))
        assert values(searched(board, Formula(False), clock=lambda: 0.0)) == values(alone)


def test_a_participant_waits_longer_each_time_up_to_a_second():
    slept = []
    one = Participant(JournalBoard(SearchJournal((), lambda line: None)), sleep=slept.append)
    for _ in range(12):
        one.wait()
    assert slept == sorted(slept) and slept[0] < 0.1 and slept[-1] == LONGEST


@dataclasses.dataclass
class Marked:
    """A board on which another machine holds the only job."""

    mark: Mark
    lease: float = LEASE
    taken: tuple = ()

    def results(self, number):
        return {}

    def marks(self, number):
        return {0: self.mark}

    def take(self, job, attempt):
        self.taken += (attempt,)


def test_a_claim_is_taken_over_only_after_it_has_not_changed_for_a_lease_by_ones_own_clock():
    board, now = Marked(Mark(2, 7)), [0.0]
    one = Participant(board, lambda: now[0], lambda seconds: None)
    jobs = cut(0, Batch(Stage.RACING, (), (Restart(0, 0),), False, ()), ({},), 1, None)
    for now[0], sign, taken in ((0, 7, ()), (59, 7, ()), (61, 8, ()), (120, 8, ()), (121, 8, (3,)), (122, None, (3, 3))):
        board.mark = Mark(2, sign)
        one.move(jobs)
        assert board.taken == taken


@given(st.lists(st.integers(0, 4), min_size=1, max_size=30), st.integers(1, 5))
def test_jobs_hold_each_restart_once_and_one_kind_each(trials, size):
    batch = Batch(Stage.RACING, (), tuple(Restart(trial, seed) for seed, trial in enumerate(trials)), False, ())
    jobs = cut(3, batch, [{}] * 5, size, lambda trial: trial % 2)
    assert sorted(place for job in jobs for place in job.places) == list(range(len(trials)))
    assert [job.number for job in jobs] == list(range(len(jobs))) and all(job.of == 3 for job in jobs)
    assert all(len(job.places) <= size and len({trial % 2 for trial in job.trials}) == 1 for job in jobs)
    assert all(len(one) == len(trials) for one in [cut(0, batch, [{}] * 5, size, None)[0].places])
    results = {job.number: result_of(np.array(job.places) * 0.5, 2.0, 1.0, None) for job in jobs}
    whole = merged(jobs, results)
    assert whole.values.tolist() == [0.5 * place for place in range(len(trials))] and whole.seconds == 2.0 * len(jobs)


class TestFolder:
    def test_another_search_is_refused_and_nothing_is_lost(self, tmp_path):
        with SharedFolder(tmp_path).opened(SEARCH) as board:
            course = searched(board, Formula(False))
        before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
        other = SEARCH._replace(identity={"seed": 0, "budget": {"trials": 8}})
        with (
            pytest.raises(
                jt.CheckpointError, match=r"holds another search: here budget\.trials = 8 in place of 9; name another folder\.$"
            ),
            SharedFolder(tmp_path).opened(other),
        ):
            pass
        assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
        with SharedFolder(tmp_path).opened(SEARCH) as board:
            assert lines(searched(board, Formula(False, pytest.fail))) == lines(course)

    def test_a_folder_of_something_else_is_refused(self, tmp_path):
        (tmp_path / JOURNAL).write_text("{}\n")
        with pytest.raises(jt.CheckpointError, match=r"holds something else than a shared search; name another folder\.$"):
            SharedFolder(tmp_path).opened(SEARCH).__enter__()
        assert [path.name for path in tmp_path.iterdir()] == [JOURNAL]

    def test_what_a_killed_process_left_half_written_is_no_result(self, tmp_path, alone):
        with SharedFolder(tmp_path).opened(SEARCH) as board:
            jobs = Formula(False).jobs(Course(RULES, SPACE), Course(RULES, SPACE).next())
            board.batch(0, lambda: jobs)
            (tmp_path / "batch-00000" / ".job-00000.json-1f").write_text('{"val')
            (tmp_path / "batch-00000" / ".batch.json-1f").write_text("{")
            assert values(searched(board, Formula(False))) == values(alone)

    def test_the_first_result_of_a_job_stays(self, tmp_path):
        with SharedFolder(tmp_path).opened(SEARCH) as board:
            jobs = Formula(False).jobs(Course(RULES, SPACE), Course(RULES, SPACE).next())
            board.batch(0, lambda: jobs)
            claims = [board.take(jobs[0], 0), board.take(jobs[0], 1)]
            assert board.take(jobs[0], 1) is None and board.marks(0)[0].attempt == 1
            for claim, seconds in zip(reversed(claims), (1.0, 2.0), strict=True):
                claim.put(result_of(np.zeros(2), seconds, 0.0, None))
            assert board.results(0)[0]["seconds"] == 1.0
            claims[1].give_back()
            assert board.marks(0)[0] == Mark(1, None)

    def test_damage_and_missing_rights_are_one_sentence(self, tmp_path):
        with SharedFolder(tmp_path).opened(SEARCH) as board:
            searched(board, Formula(False))
        (tmp_path / "batch-00000" / "job-00001.json").write_text("{")
        with (
            SharedFolder(tmp_path).opened(SEARCH) as board,
            pytest.raises(jt.CheckpointError, match=r"job-00001\.json is damaged: it is no JSON"),
        ):
            searched(board, Formula(False))
        (tmp_path / "file").write_text("")
        with pytest.raises(jt.CheckpointError, match=r"file/search cannot be written \(Not a directory\)\.$"):
            SharedFolder(tmp_path / "file" / "search").opened(SEARCH).__enter__()

    @pytest.mark.parametrize(
        ("options", "sentence"),
        [
            ({"lease": 0}, r"^SharedFolder\.lease = 0 is not a number of seconds > 0\.$"),
            ({"lease": float("inf")}, r"^SharedFolder\.lease = inf is not"),
            ({"trials": 0}, r"^SharedFolder\.trials = 0 is not a number of trials, an integer >= 1\.$"),
        ],
    )
    def test_numbers_that_cannot_be_are_one_sentence(self, tmp_path, options, sentence):
        with pytest.raises(jt.ConfigError, match=sentence):
            SharedFolder(tmp_path, **options)


def test_a_machines_own_folder_keeps_what_all_know(tmp_path):
    shared = SharedFolder(tmp_path / "shared")

    def take_part(own):
        with board_of(tmp_path / own, shared, SEARCH) as (board, keep):
            course = searched(board, Formula(False))
            for number, line in enumerate(lines(course)):
                keep(number, line)
        return course

    assert lines(take_part("one")) == lines(take_part("two"))
    one, two = ((tmp_path / name / JOURNAL).read_text() for name in ("one", "two"))
    assert one == two and len(one.splitlines()) == 1 + len(lines(take_part("one")))
    assert (tmp_path / "shared" / IDENTITY).exists()
    with (tmp_path / "one" / JOURNAL).open("r+") as file:
        text = file.read().replace('"seconds": ', '"seconds": 1')
        file.seek(0)
        file.write(text)
    with pytest.raises(jt.CheckpointError, match=r"one holds other results than the machines share; name another folder\.$"):
        take_part("one")


def test_a_claim_says_whose_it_is(tmp_path):
    with SharedFolder(tmp_path).opened(SEARCH) as board:
        jobs = Formula(False).jobs(Course(RULES, SPACE), Course(RULES, SPACE).next())
        board.batch(0, lambda: jobs)
        board.take(jobs[0], 0)
    (claim,) = tmp_path.glob("batch-00000/*.claim-*")
    assert claim.read_text() == f"{os.uname().nodename} {os.getpid()}\n"
