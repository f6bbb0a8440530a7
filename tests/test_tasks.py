import threading

from botaniqal import tasks
from botaniqal.celery import app


class TestBell:
    def test_lets_only_so_many_runs_go_on_at_once(self):
        begun, may_end = threading.Barrier(tasks.RUNS_AT_ONCE + 1), threading.Event()

        @tasks.bell
        def tell_somebody():
            begun.wait(10)
            may_end.wait(10)
            return 1

        runs = [threading.Thread(target=tell_somebody) for _ in range(tasks.RUNS_AT_ONCE)]
        for run in runs:
            run.start()
        begun.wait(10)
        one_too_many = tell_somebody()
        may_end.set()
        for run in runs:
            run.join()

        assert one_too_many == 0

    def test_makes_room_when_a_run_fails(self):
        runs = []

        @tasks.bell
        def tell_nobody():
            runs.append(1)
            raise ValueError

        for _ in range(tasks.RUNS_AT_ONCE + 1):
            try:
                tell_nobody()
            except ValueError:
                continue

        assert len(runs) == tasks.RUNS_AT_ONCE + 1


class TestSchedule:
    def test_rings_bells_that_there_are(self):
        app.loader.import_default_modules()

        assert {entry["task"] for entry in app.conf.beat_schedule.values()} <= set(app.tasks)

    def test_leaves_nothing_out_where_the_scheduler_is_started_daily(self):
        """Spans are counted from its start, times of day are not."""
        spans = [entry["schedule"] for entry in app.conf.beat_schedule.values()]

        assert max(span for span in spans if isinstance(span, int | float)) <= 3_600
