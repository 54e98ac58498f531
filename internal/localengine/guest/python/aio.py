"""An asyncio event loop for a world without sockets, pipes, processes and threads: the only thing to wait for is a timer.

The library archive holds this file as the module _aio; importing it installs the loop as the default. Everything that works on
plain CPython without touching the outside works here too, and what cannot work says so in one sentence instead of hanging.
"""

import asyncio
import time
from asyncio import base_events, events


class SleepLoop(base_events.BaseEventLoop):
    """BaseEventLoop asks its selector how long to wait; this loop is its own selector and simply sleeps."""

    def __init__(self):
        super().__init__()
        self._selector = self

    def select(self, timeout):
        if timeout is None:
            raise RuntimeError('asyncio deadlock: every task is waiting, and no timer is running that could wake one')
        if timeout > 0:
            time.sleep(timeout)  # ends early when the cell is interrupted
        return ()

    def _process_events(self, event_list):
        pass

    def _write_to_self(self):
        pass  # there is one thread, and whoever calls this is it

    def run_in_executor(self, executor, func, *args):
        raise RuntimeError('threads are not available in the local sandbox (run_in_executor, asyncio.to_thread)')


def _unavailable(name):
    async def refuse(self, *args, **kwargs):
        raise OSError(f'the local sandbox has no network, pipes or processes (asyncio {name})')

    refuse.__name__ = refuse.__qualname__ = name
    return refuse


for _name in (
    'create_connection', 'create_server', 'create_unix_connection', 'create_unix_server', 'create_datagram_endpoint',
    'getaddrinfo', 'getnameinfo', 'sock_accept', 'sock_connect', 'sock_recv', 'sock_recv_into', 'sock_recvfrom',
    'sock_sendall', 'sock_sendto', 'connect_read_pipe', 'connect_write_pipe', 'subprocess_exec', 'subprocess_shell',
):
    setattr(SleepLoop, _name, _unavailable(_name))
del _name


class SleepLoopPolicy(asyncio.DefaultEventLoopPolicy):
    """Makes SleepLoop what asyncio.run, Runner and new_event_loop build."""

    _loop_factory = SleepLoop


events.set_event_loop_policy(SleepLoopPolicy())
