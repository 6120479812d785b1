"""Machines that share a search through Optuna's storages: sqlite, its journal with a torn line, and PostgreSQL."""

import os
import shutil
import subprocess
import tempfile
import threading
from pathlib import Path

import numpy as np
import pytest

import jaxtricks as jt
from jaxtricks.search import SharedStorage
from jaxtricks.search.board import result_of
from jaxtricks.search.course import Course, Stage
from jaxtricks.search.journal import JournalBoard, SearchJournal
from jaxtricks.search.optuna_storage import MendedJournal, close_storage, opened_storage
from tests.search.sharing_worker import RATE, RULES, SEARCH, SPACE, Formula, Killed, lines, searched

optuna = pytest.importorskip("optuna")

KINDS = ["sqlite:///{}/search.db", "journal:{}/search.log"]


def values(told):
    """All of a search but for how long it took."""
    return [line | {"seconds": 0, "compiling": 0} for line in told]


@pytest.fixture(scope="module")
def alone():
    return values(lines(searched(JournalBoard(SearchJournal((), lambda line: None)), Formula(None))))


def begun(board):
    """The jobs of the first batch."""
    jobs = Formula(True).jobs(Course(RULES, SPACE), Course(RULES, SPACE).next())
    board.batch(0, lambda: jobs)
    return jobs


def programs(name):
    """A program of PostgreSQL; None where there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return shutil.which(name) or (str(found[-1]) if found else None)


@pytest.fixture(scope="module")
def postgresql(tmp_path_factory):
    """The URL of a server that lives as long as the tests; it listens to a socket of its folder alone, and refuses to be root."""
    pytest.importorskip("psycopg")
    if not (programs("initdb") and programs("pg_ctl")):
        pytest.skip("PostgreSQL is not installed; `apt-get install postgresql` installs it")
    root = os.geteuid() == 0
    if root and subprocess.run(["id", "postgres"], capture_output=True).returncode:
        pytest.skip("PostgreSQL refuses to be run by root, and there is no user postgres")
    folder = Path(tempfile.gettempdir()) / f"jaxtricks-pg-{os.getpid()}"  # short, for a socket, and open to its user
    folder.mkdir(mode=0o777)
    folder.chmod(0o777)

    def call(program, *words):
        environment = {"PATH": os.environ["PATH"], "LC_ALL": "C", "TZ": "UTC"}
        user = "postgres" if root else None
        done = subprocess.run(
            [programs(program), "-D", f"{folder}/data", *words],
            user=user,
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr

    try:
        call("initdb", "-U", "jaxtricks", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync")
        call("pg_ctl", "-o", f"-k {folder} -c listen_addresses='' -c fsync=off", "-l", f"{folder}/log", "-w", "start")
        try:
            yield f"postgresql://jaxtricks@/postgres?host={folder}"
        finally:
            call("pg_ctl", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder)


@pytest.mark.timeout(120)
def test_three_processes_on_postgresql_one_of_them_killed(postgresql, alone):
    told = Killed("storage", postgresql, lease=2.0)
    assert told.found[0] == told.found[1] and values(told.found[0]) == alone
    assert sorted(told.jobs) == sorted([*set(told.jobs), told.held])  # no other one was trained twice
    storage = opened_storage(postgresql)
    states = [trial.state.name for trial in optuna.load_study(study_name="jaxtricks", storage=storage).trials]
    close_storage(storage)
    ended = len(states) - states.count("FAIL")  # claims that were made at the same time as others, and that of the killed one
    assert ended == len(set(told.jobs)) and states.count("FAIL") >= 1 and "RUNNING" not in states


@pytest.mark.parametrize("kind", KINDS)
def test_each_job_is_a_trial_with_its_settings_and_its_mean(kind, tmp_path, alone):
    url = kind.format(tmp_path)
    with SharedStorage(url).opened(SEARCH) as board:
        course = searched(board, Formula(True))
    assert values(lines(course)) == alone
    study = optuna.load_study(study_name="jaxtricks", storage=opened_storage(url))
    assert study.direction.name == "MINIMIZE" and study.metric_names == ["nll"]
    explored = [trial for trial in study.trials if trial.user_attrs["stage"] == "exploring"]
    assert sorted(trial.user_attrs["trial"] for trial in explored) == list(range(9))
    for trial in explored:
        restarts = course.explored[trial.user_attrs["trial"]]
        assert trial.params == course.points[trial.user_attrs["trial"]] and trial.user_attrs["restarts"] == len(restarts)
        assert trial.state.name == ("COMPLETE" if np.isfinite(restarts).any() else "PRUNED")
        assert trial.value == (pytest.approx(np.nanmean(restarts)) if np.isfinite(restarts).any() else None)
    more = course.restarts(Stage.RACING, Stage.CONFIRMING)
    assert sum(trial.user_attrs["restarts"] for trial in study.trials if trial not in explored) == more > 4
    assert RATE in optuna.importance.get_param_importances(study)


@pytest.mark.parametrize("kind", KINDS)
def test_one_claim_of_a_job_counts_and_a_late_result_of_another_is_forgotten(kind, tmp_path):
    first, second = (SharedStorage(kind.format(tmp_path), lease=60.0).opened(SEARCH) for _ in range(2))
    with first as one, second as two:
        jobs, _ = begun(one), begun(two)
        claims = [one.take(jobs[0], 0)]
        mark = two.marks(0)[0]
        claims[0].renew()
        assert two.take(jobs[0], 0) is None and two.marks(0)[0] != mark and one.marks(0).keys() == {0}
        claims.append(two.take(jobs[0], 1))  # after a lease
        assert one.take(jobs[0], 1) is None and two.marks(0)[0].attempt == 1
        claims[0].put(result_of(np.zeros(2), 1.0, 0.0, None))
        assert one.results(0) == {}
        claims[1].put(result_of(np.array([0.5, np.nan]), 2.0, 0.0, None))
        claims[1].put(result_of(np.zeros(2), 3.0, 0.0, None))
        assert one.results(0)[0]["values"] == two.results(0)[0]["values"] == [0.5, None] and two.results(0)[0]["seconds"] == 2.0
        assert one.take(jobs[0], 2) is None and two.results(0).keys() == {0}
        other = one.take(jobs[1], 0)
        other.give_back()
        assert two.marks(0)[1].sign is None and two.take(jobs[1], 1) is not None


@pytest.mark.parametrize("kind", KINDS)
def test_of_two_that_propose_a_batch_at_once_one_counts(kind, tmp_path, monkeypatch):
    with SharedStorage(kind.format(tmp_path)).opened(SEARCH) as one, SharedStorage(kind.format(tmp_path)).opened(SEARCH) as two:
        jobs = Formula(True).jobs(Course(RULES, SPACE), Course(RULES, SPACE).next())
        other = [job._replace(batch=job.batch._replace(stage=Stage.RACING)) for job in jobs]

        def meanwhile():
            two.batch(0, lambda: other)
            return jobs

        assert one.batch(0, meanwhile)["stage"] == two.batch(0, pytest.fail)["stage"] == "racing"
        assert one.take(jobs[0], 0) is None and two.take(jobs[0], 0) is not None


def test_threads_on_a_journal_train_nothing_twice(tmp_path, alone):
    found, jobs = [], []

    def take_part():
        with SharedStorage(f"journal:{tmp_path}/search.log").opened(SEARCH) as board:
            found.append(lines(searched(board, Formula(True, lambda job: jobs.append((job.of, job.number))))))

    threads = [threading.Thread(target=take_part) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 3 and all(each == found[0] and values(each) == alone for each in found)
    assert len(set(jobs)) == len(jobs)


class TestTornJournal:
    def test_cut_anywhere_in_its_last_line_it_goes_on(self, tmp_path, alone):
        path = tmp_path / "search.log"
        with SharedStorage(f"journal:{path}").opened(SEARCH) as board:
            searched(board, Formula(True))
        content = path.read_bytes()
        ends = [place + 1 for place, byte in enumerate(content) if byte == ord("\n")]
        for end in ends[:: len(ends) // 3]:
            length = content.index(b"\n", end) + 1 - end if end < len(content) else 0
            for torn in {1, length // 2, length - 1} if length else {0}:
                path.write_bytes(content[: end + torn])
                with SharedStorage(f"journal:{path}", lease=1e-9).opened(SEARCH) as board:
                    assert values(lines(searched(board, Formula(True)))) == alone

    def test_optunas_own_file_would_be_lost(self, tmp_path):
        """Why it is mended: once this fails, Optuna does it itself."""
        path = tmp_path / "search.log"
        ours, theirs = MendedJournal(path), optuna.storages.journal.JournalFileBackend(str(path))
        ours.append_logs([{"number": 0}])
        for backend, readable in ((ours, [0, 1]), (theirs, None)):
            with path.open("ab") as file:
                file.write(b'{"numb')
            backend.append_logs([{"number": 1}])
            backend.append_logs([{"number": 2}])
            if readable is None:
                with pytest.raises(ValueError):
                    list(optuna.storages.journal.JournalFileBackend(str(path)).read_logs(0))
            else:
                assert [log["number"] for log in MendedJournal(path).read_logs(0)] == [0, 1, 2]

    def test_a_torn_piece_longer_than_a_block_is_cut_off(self, tmp_path):
        path = tmp_path / "search.log"
        for before in (b"", b'{"number":0}\n'):
            path.write_bytes(before + b"x" * 10_000)
            MendedJournal(path).append_logs([{"number": 1}])
            assert path.read_bytes() == before + b'{"number":1}\n'

    def test_damage_in_the_middle_is_one_sentence(self, tmp_path):
        path = tmp_path / "search.log"
        with SharedStorage(f"journal:{path}").opened(SEARCH):
            pass
        path.write_bytes(path.read_bytes().replace(b"{", b"<", 1))
        with pytest.raises(jt.ConfigError, match=r"search\.log' cannot be used: .*; sqlite:///FILE") as raised:
            SharedStorage(f"journal:{path}").opened(SEARCH).__enter__()
        assert "\n" not in str(raised.value)


class TestRefused:
    @pytest.mark.parametrize("kind", KINDS)
    def test_another_search_in_the_study_is_one_sentence_and_nothing_is_lost(self, kind, tmp_path):
        url = kind.format(tmp_path)
        with SharedStorage(url).opened(SEARCH) as board:
            course = searched(board, Formula(True))
        other = SEARCH._replace(identity={"seed": 1, "budget": {"trials": 9}})
        with pytest.raises(
            jt.CheckpointError,
            match=r"^the study 'jaxtricks' holds another search: here seed = 1 in place of 0; name another study\.$",
        ):
            SharedStorage(url).opened(other).__enter__()
        with SharedStorage(url, study="mine").opened(other) as board:
            begun(board)
        with SharedStorage(url).opened(SEARCH) as board:
            assert lines(searched(board, Formula(True, pytest.fail))) == lines(course)

    def test_a_study_of_something_else(self, tmp_path):
        url = f"sqlite:///{tmp_path}/search.db"
        optuna.create_study(storage=url, study_name="jaxtricks").optimize(
            lambda trial: trial.suggest_float("x", 0, 1), n_trials=1
        )
        with pytest.raises(
            jt.ConfigError, match=r"^study = 'jaxtricks' holds no search of jaxtricks; another study is allowed\.$"
        ):
            SharedStorage(url).opened(SEARCH).__enter__()

    @pytest.mark.parametrize(
        ("url", "reason"),
        [
            ("sqlite:///{}/nowhere/search.db", "unable to open database file"),
            ("journal:{}/nowhere/search.log", "No such file or directory"),
            ("postgres", "Could not parse"),
            ("nosuchdb://someone:secret@host/base", "Can't load plugin"),
            ("postgresql://someone:secret@/base?host={}", "No such file or directory"),
        ],
    )
    def test_a_storage_that_cannot_be_reached(self, url, reason, tmp_path):
        if url.startswith("postgresql"):
            pytest.importorskip("psycopg")
        with pytest.raises(jt.ConfigError) as raised:
            SharedStorage(url.format(tmp_path)).opened(SEARCH).__enter__()
        text = str(raised.value)
        assert text.startswith("storage = '") and reason in text and "\n" not in text and "secret" not in text

    @pytest.mark.parametrize(
        ("options", "sentence"),
        [
            ({"lease": -1}, r"^SharedStorage\.lease = -1 is not a number of seconds > 0\.$"),
            ({"study": ""}, r"^SharedStorage\.study = '' is no text\.$"),
        ],
    )
    def test_what_cannot_be_is_one_sentence(self, options, sentence):
        with pytest.raises(jt.ConfigError, match=sentence):
            SharedStorage("sqlite:///search.db", **options)
