from accounts.runtime import pauses


def test_what_failed_is_tried_by_one_after_the_pause(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(pauses.time, "monotonic", lambda: now[0])
    pause = pauses.Pause(15)
    assert [pause.lets_through(), pause.lets_through()] == [True, True]

    pause.hold()
    now[0] += 14
    assert [pause.lets_through(), pause.lets_through()] == [False, False]
    now[0] += 1
    assert [pause.lets_through(), pause.lets_through()] == [True, False]
    pause.release()
    assert [pause.lets_through(), pause.lets_through()] == [True, True]
