"""What tests of results share."""

import pytest


@pytest.fixture
def scalars():
    """A function that reads event files as TensorBoard does: folder → TensorBoard's run → tag → epochs and values."""

    def read(folder):
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

        found = {}
        for place in sorted({path.parent for path in folder.rglob("events.*")}):
            reader = EventAccumulator(str(place), size_guidance={"scalars": 0}).Reload()
            events = {tag: reader.Scalars(tag) for tag in reader.Tags()["scalars"]}
            assert all([event.step for event in each] == sorted({event.step for event in each}) for each in events.values())
            found[str(place.relative_to(folder))] = {
                tag: {event.step: event.value for event in each} for tag, each in events.items()
            }
        return found

    return read
