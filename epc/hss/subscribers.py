"""The subscriber database: SQLite by default, any database of SQLAlchemy by its URL.

store = SubscriberStore("subscribers.db")
store.add(Subscriber(imsi="001010123456780", k=bytes(16), operator_key=bytes(16)))
"""

from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address
from typing import Final, Self

from sqlalchemy import JSON, Engine, LargeBinary, String, create_engine, delete, func, select, update
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from sqlalchemy.pool import StaticPool

from picocell.epc.hss.algorithms import Algorithm, OperatorKey, functions
from picocell.rrc_nas.security import aka

SEPARATION_BIT: Final = 0x80
"""Of the first octet of AMF; it is 1 in EPS (TS 33.401 6.1.1)."""

MAX_KBPS: Final = 4_294_967
"""Largest bit rate that S6a can hold in 32 bits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscriber:
    """One subscriber.

    Attributes:
        imsi: 6 to 15 digits.
        k: subscriber key, 16 bytes (with TUAK also 32).
        operator_key: OP or OPc of 16 bytes, TOP or TOPc of 32; XOR does not use it.
        operator_key_kind: which of them ``operator_key`` is.
        amf: 2 bytes; the separation bit is set in vectors whatever it is here.
        sqn: SQN_HE, the sequence number used last, 48 bits.
        apns: names of the APNs, the default one first.
        qci: of default bearers, 1 to 254.
        ambr_ul, ambr_dl: kbit/s of the phone in all.
        static_ip: address at the default APN, None for one from the pool.
        msisdn: telephone number, 1 to 15 digits.
        enabled: False bars the subscriber.
        name: for people.
    """

    imsi: str
    k: bytes
    operator_key: bytes = b""
    operator_key_kind: OperatorKey = OperatorKey.OPC
    algorithm: Algorithm = Algorithm.MILENAGE
    amf: bytes = b"\x80\x00"
    sqn: int = 0
    apns: tuple[str, ...] = ("internet",)
    qci: int = 9
    ambr_ul: int = 1_000_000
    ambr_dl: int = 1_000_000
    static_ip: str | None = None
    msisdn: str | None = None
    enabled: bool = True
    name: str = ""

    def __post_init__(self) -> None:
        _digits("IMSI", self.imsi, 6, 15)
        if self.msisdn is not None:
            _digits("MSISDN", self.msisdn, 1, 15)
        aka.check_length("AMF", self.amf, 2)
        aka.sqn_bytes(self.sqn)
        self.functions()
        if not 1 <= self.qci <= 254:
            raise ValueError(f"QCI is {self.qci}; allowed are 1 to 254")
        for what, rate in (("uplink AMBR", self.ambr_ul), ("downlink AMBR", self.ambr_dl)):
            if not 1 <= rate <= MAX_KBPS:
                raise ValueError(f"{what} is {rate} kbit/s; allowed are 1 to {MAX_KBPS}")
        if not self.apns:
            raise ValueError("a subscriber without an APN; allowed are one or more")
        for apn in self.apns:
            check_apn(apn)
        if self.static_ip is not None:
            check_static_ip(self.static_ip)

    def functions(self) -> aka.Functions:
        """f1 to f5* under this subscriber's keys.

        Raises:
            ValueError: a key of the wrong length.
        """
        return functions(self.algorithm, self.k, self.operator_key_kind, self.operator_key)


def check_apn(name: str) -> None:
    """Raise ValueError unless ``name`` is an APN network identifier (TS 23.003 9.1.1) or ``*``."""
    labels = name.split(".")
    if name != "*" and not (
        len(name) <= 63 and all(label.isascii() and label.replace("-", "a").isalnum() for label in labels)
    ):
        raise ValueError(f"APN {name!r}; allowed are labels of letters, digits and '-' with dots, 63 in all, or '*'")


def check_static_ip(text: str) -> None:
    """Raise ValueError unless ``text`` is an IPv4 address that a phone can have."""
    try:
        address = IPv4Address(text)
    except AddressValueError:
        raise ValueError(f"static address {text!r}; allowed is an IPv4 address such as 172.16.0.9") from None
    if address.is_unspecified or address.is_multicast or address.is_loopback or address.is_reserved:
        raise ValueError(f"static address {text} is no address of a host")


class UnknownSubscriberError(KeyError):
    """No subscriber of that IMSI."""


class DuplicateSubscriberError(ValueError):
    """A subscriber of that IMSI, or one with that static address, is in the database already."""


class _Base(DeclarativeBase):
    pass


class _Row(_Base):
    """A subscriber in the database."""

    __tablename__ = "subscribers"

    imsi: Mapped[str] = mapped_column(String(15), primary_key=True)
    name: Mapped[str] = mapped_column(String(255))
    k: Mapped[bytes] = mapped_column(LargeBinary(32))
    operator_key: Mapped[bytes] = mapped_column(LargeBinary(32))
    operator_key_kind: Mapped[str] = mapped_column(String(8))
    algorithm: Mapped[str] = mapped_column(String(16))
    amf: Mapped[bytes] = mapped_column(LargeBinary(2))
    sqn: Mapped[str] = mapped_column(String(12))  # hexadecimal: 48 bits do not fit the INTEGER of every database
    apns: Mapped[list[str]] = mapped_column(JSON)
    qci: Mapped[int]
    ambr_ul: Mapped[int]
    ambr_dl: Mapped[int]
    static_ip: Mapped[str | None] = mapped_column(String(15), unique=True)
    msisdn: Mapped[str | None] = mapped_column(String(15))
    enabled: Mapped[bool]

    @classmethod
    def of(cls, s: Subscriber) -> Self:
        return cls(
            imsi=s.imsi,
            name=s.name,
            k=s.k,
            operator_key=s.operator_key,
            operator_key_kind=s.operator_key_kind.value,
            algorithm=s.algorithm.value,
            amf=s.amf,
            sqn=f"{s.sqn:012x}",
            apns=list(s.apns),
            qci=s.qci,
            ambr_ul=s.ambr_ul,
            ambr_dl=s.ambr_dl,
            static_ip=s.static_ip,
            msisdn=s.msisdn,
            enabled=s.enabled,
        )

    def subscriber(self) -> Subscriber:
        return Subscriber(
            imsi=self.imsi,
            name=self.name,
            k=bytes(self.k),
            operator_key=bytes(self.operator_key),
            operator_key_kind=OperatorKey(self.operator_key_kind),
            algorithm=Algorithm(self.algorithm),
            amf=bytes(self.amf),
            sqn=int(self.sqn, 16),
            apns=tuple(self.apns),
            qci=self.qci,
            ambr_ul=self.ambr_ul,
            ambr_dl=self.ambr_dl,
            static_ip=self.static_ip,
            msisdn=self.msisdn,
            enabled=self.enabled,
        )


class SubscriberStore:
    """Subscribers in a database; every change is committed before the call returns."""

    def __init__(self, location: str = ":memory:") -> None:
        """Open the database and create its table where there is none.

        Args:
            location: path of an SQLite file, ``:memory:``, or a URL such as ``postgresql://host/name``.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: it cannot be opened.
        """
        self._engine = _engine(location)
        _Base.metadata.create_all(self._engine)

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    def add(self, *subscribers: Subscriber) -> None:
        """Add subscribers, all of them or none.

        Raises:
            DuplicateSubscriberError: one of them is there already.
        """
        seen: set[str] = set()
        with Session(self._engine) as session, session.begin():
            for s in subscribers:
                if s.imsi in seen or session.get(_Row, s.imsi) is not None:
                    raise DuplicateSubscriberError(f"IMSI {s.imsi} is in the database already")
                self._check_address(session, s)
                seen.add(s.imsi)
                session.add(_Row.of(s))
                session.flush()

    def replace(self, *subscribers: Subscriber) -> None:
        """Add subscribers, or change those that are there; all of them or none.

        Raises:
            DuplicateSubscriberError: a static address is another subscriber's.
        """
        with Session(self._engine) as session, session.begin():
            for s in subscribers:
                self._check_address(session, s)
                session.merge(_Row.of(s))
                session.flush()

    def get(self, imsi: str) -> Subscriber:
        """The subscriber of an IMSI.

        Raises:
            UnknownSubscriberError: there is none.
        """
        with Session(self._engine) as session:
            row = session.get(_Row, imsi)
            if row is None:
                raise UnknownSubscriberError(imsi)
            return row.subscriber()

    def remove(self, imsi: str) -> None:
        """Remove a subscriber.

        Raises:
            UnknownSubscriberError: there is none.
        """
        with Session(self._engine) as session, session.begin():
            if not session.scalars(delete(_Row).where(_Row.imsi == imsi).returning(_Row.imsi)).all():
                raise UnknownSubscriberError(imsi)

    def all(self) -> list[Subscriber]:
        """All subscribers by IMSI."""
        with Session(self._engine) as session:
            return [row.subscriber() for row in session.scalars(select(_Row).order_by(_Row.imsi))]

    def __len__(self) -> int:
        with Session(self._engine) as session:
            return session.scalar(select(func.count()).select_from(_Row)) or 0

    def static_addresses(self) -> list[str]:
        """Addresses that belong to subscribers, which a pool must not give to others."""
        with Session(self._engine) as session:
            rows = session.scalars(select(_Row.static_ip).where(_Row.static_ip.is_not(None)).order_by(_Row.static_ip))
            return [address for address in rows if address is not None]

    def advance_sqn(self, imsi: str, change: Callable[[int], int]) -> tuple[int, int]:
        """Change SQN_HE and commit it; returns the number before and after.

        The row is changed only if nobody changed it meanwhile, so that no number is used twice.

        Raises:
            UnknownSubscriberError: there is no such subscriber.
            ValueError: ``change`` refuses.
        """
        while True:
            with Session(self._engine) as session, session.begin():
                text = session.scalar(select(_Row.sqn).where(_Row.imsi == imsi))
                if text is None:
                    raise UnknownSubscriberError(imsi)
                before = int(text, 16)
                after = change(before)
                aka.sqn_bytes(after)
                statement = update(_Row).where(_Row.imsi == imsi, _Row.sqn == text).values(sqn=f"{after:012x}")
                if session.scalars(statement.returning(_Row.imsi)).all():
                    return before, after

    @staticmethod
    def _check_address(session: Session, s: Subscriber) -> None:
        if s.static_ip is None:
            return
        owner = session.scalar(select(_Row.imsi).where(_Row.static_ip == s.static_ip, _Row.imsi != s.imsi))
        if owner is not None:
            raise DuplicateSubscriberError(f"static address {s.static_ip} is that of IMSI {owner} already")


def _engine(location: str) -> Engine:
    if location == ":memory:":
        return create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    return create_engine(location if "://" in location else f"sqlite:///{location}")


def _digits(what: str, value: str, low: int, high: int) -> None:
    if not (value.isascii() and value.isdigit() and low <= len(value) <= high):
        raise ValueError(f"{what} {value!r}; allowed are {low} to {high} digits")
