"""What was sent on streams, for a client that comes back for the rest."""

from mcp.server.streamable_http import EventMessage, EventStore


class Events(EventStore):
    def __init__(self):
        self.events = []

    async def store_event(self, stream_id, message):
        self.events.append((stream_id, message))
        return str(len(self.events))

    async def replay_events_after(self, last_event_id, send_callback):
        seen = int(last_event_id)
        if not 0 < seen <= len(self.events):
            return None
        stream_id, _ = self.events[seen - 1]
        for number, (stream, message) in enumerate(self.events[seen:], start=seen + 1):
            # A priming event has no message.
            if stream == stream_id and message is not None:
                await send_callback(EventMessage(message, str(number)))
        return stream_id
