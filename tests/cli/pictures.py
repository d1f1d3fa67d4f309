"""What clients felt and faults did, for views and summaries to show."""

from squall.core.faults.effects import Counted, Delivery, Felt
from squall.core.timing import MILLISECOND, Duration


def felt(requests: int = 100, errors: int = 0, p50: int = 20, p99: int = 40) -> Felt:
    """A second of traffic; latencies in milliseconds."""
    return Felt(
        requests=requests, errors=errors, rate=float(requests),
        p50=Duration(p50 * MILLISECOND), p99=Duration(p99 * MILLISECOND),
    )  # fmt: skip


def delivery(kind: str, touched: int, *, seen: int = 100, fault: int = 0, ms: int = 0) -> Delivery:
    """What a fault did; `ms` is the delay of each exchange it touched."""
    return Delivery(
        scenario=0, fault=fault, kind=kind, asked=1.0, seen=seen, touched=touched,
        delay=Duration(touched * ms * MILLISECOND), delay_p50=Duration(ms * MILLISECOND),
    )  # fmt: skip


def counted(lease: str, *deliveries: Delivery, seen: Felt | None = None) -> Counted:
    """A picture of target shop."""
    return Counted(target="shop", felt=seen or felt(), deliveries=((lease, deliveries),))
