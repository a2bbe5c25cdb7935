"""How are messages of a Pub/Sub subscription received and, much later, acknowledged?"""

import concurrent.futures
import itertools
import logging
import os
import threading
import time
from collections import OrderedDict
from queue import Empty, SimpleQueue
from typing import Any

from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import GoogleAuthError
from google.cloud.pubsub_v1 import SubscriberClient
from google.cloud.pubsub_v1.subscriber.message import Message
from google.cloud.pubsub_v1.types import FlowControl

from pipelines.inputs.streams.paces import wait_while

log = logging.getLogger(__name__)
_LEASE_SECONDS, _EXTENSION_SECONDS = 120, 20
"""A message that is not acknowledged comes again after this time; after a crash that much later."""
_FLOW = FlowControl(
    # What is not acknowledged yet counts too.
    max_messages=100_000,
    max_bytes=256 << 20,
    max_lease_duration=_LEASE_SECONDS,
    max_duration_per_lease_extension=_EXTENSION_SECONDS,
)
_FORGOTTEN_SECONDS = 60.0
_REQUEST_SECONDS = 5.0


def open_client() -> SubscriberClient:
    """A client of Google's service, or of the emulator that PUBSUB_EMULATOR_HOST names."""
    is_emulated = "PUBSUB_EMULATOR_HOST" in os.environ
    return SubscriberClient(credentials=AnonymousCredentials() if is_emulated else None)


def wait_for_subscription(path: str, timeout_seconds: float) -> None:
    """Return once the subscription can be read; try again until the time is up.

    Raises InputError that names the reason.
    """
    wait_while(lambda: _reason_against(path), timeout_seconds)


def _reason_against(path: str) -> str | None:
    """Asks for nothing but the right to read."""
    try:
        with open_client() as client:
            _pull_at_once(client, path)
    except exceptions.NotFound:
        return f"Pub/Sub has no subscription {path!r}: create it or check --pubsub_subscription"
    except (exceptions.PermissionDenied, exceptions.Unauthenticated, GoogleAuthError) as error:
        return f"Pub/Sub refuses the credentials ({_first_line(error)}): check them"
    except exceptions.InvalidArgument:
        return f"{path!r} is no subscription: write projects/PROJECT/subscriptions/NAME"
    except exceptions.GoogleAPICallError as error:
        return f"Pub/Sub cannot be reached ({_first_line(error)})"
    return None


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]


def _pull_at_once(client: SubscriberClient, path: str) -> bool:
    """Whether Pub/Sub answers that there is nothing. A message that comes goes back at once."""
    request: dict[str, Any] = {"subscription": path, "max_messages": 1, "return_immediately": True}
    answer = client.pull(request=request, timeout=_REQUEST_SECONDS, retry=None)
    ids = [message.ack_id for message in answer.received_messages]
    if ids:
        back = {"subscription": path, "ack_ids": ids, "ack_deadline_seconds": 0}
        client.modify_ack_deadline(request=back, timeout=_REQUEST_SECONDS, retry=None)
    return not ids


class Subscription:
    """The one stream of messages that a process has of a subscription, for all its readers.

    It stops when nobody took a message for a minute, and starts again with the next `take`.
    """

    def __init__(self, path: str) -> None:
        self._path, self._client = path, open_client()
        self._arrived: SimpleQueue[Message] = SimpleQueue()
        self._stream: Any = None
        self._taken_at = time.monotonic()
        self._held: OrderedDict[int, tuple[float, list[Message]]] = OrderedDict()
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self.active_ms = time.time_ns() // 1_000_000

    def take(self, wait_seconds: float) -> Message | None:
        """The next message; None after the time without one."""
        self._taken_at = time.monotonic()
        if self._stream is None or self._stream.done():
            self._restart()
        try:
            message = self._arrived.get(timeout=wait_seconds)
        except Empty:
            return None
        self.active_ms = time.time_ns() // 1_000_000
        return message

    def is_empty(self) -> bool:
        """Whether Pub/Sub says that it has no message for us; False too when it says nothing."""
        try:
            return self._arrived.empty() and _pull_at_once(self._client, self._path)
        except exceptions.GoogleAPICallError:
            return False

    def hold(self, messages: list[Message]) -> int:
        """Keep messages until a checkpoint is durable; the number to acknowledge them by."""
        now, number = time.monotonic(), next(self._numbers)
        with self._lock:
            self._held[number] = (now, messages)
            # Their lease is over: Pub/Sub sends these again, whatever we say.
            while now - next(iter(self._held.values()))[0] > _LEASE_SECONDS:
                self._held.popitem(last=False)
        return number

    def acknowledge(self, number: int) -> None:
        """The messages of a number are durable."""
        with self._lock:
            _, messages = self._held.pop(number, (0.0, []))
        for message in messages:
            message.ack()

    def close(self) -> None:
        """Stop; what is not acknowledged comes again when its lease is over."""
        if self._stream is not None:
            # Says what is still to be said, then ends.
            self._stream.cancel()
            concurrent.futures.wait([self._stream], _REQUEST_SECONDS)
        self._client.close()

    def _restart(self) -> None:
        if self._stream is not None and not self._stream.cancelled():
            log.warning("Pub/Sub %s: %s; trying again", self._path, self._stream.exception())
        self._stream = self._client.subscribe(self._path, self._arrive, flow_control=_FLOW)

    def _arrive(self, message: Message) -> None:
        self._arrived.put(message)
        if time.monotonic() - self._taken_at > _FORGOTTEN_SECONDS:
            self._stream.cancel()
            while not self._arrived.empty():
                self._arrived.get_nowait().nack()


_subscriptions: dict[str, Subscription] = {}
_opening = threading.Lock()


def subscription_of(path: str) -> Subscription:
    """The stream of this process, opened when first asked."""
    with _opening:
        if path not in _subscriptions:
            _subscriptions[path] = Subscription(path)
        return _subscriptions[path]


def close_subscriptions() -> None:
    """Close all streams of this process."""
    with _opening:
        while _subscriptions:
            _subscriptions.popitem()[1].close()
