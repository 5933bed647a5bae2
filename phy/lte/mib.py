"""MasterInformationBlock: what the PBCH carries, 24 bits (TS 36.331 6.2.2)."""

from dataclasses import dataclass
from typing import Final, Self

from picocell.phy.lte.cell import BANDWIDTHS, PhichDuration, PhichResource

_PHICH_DURATIONS: Final = tuple(PhichDuration)
_PHICH_RESOURCES: Final = tuple(PhichResource)


@dataclass(frozen=True, slots=True)
class Mib:
    """MasterInformationBlock (TS 36.331 6.2.2).

    Attributes:
        n_prb: downlink bandwidth in resource blocks.
        phich_duration: PHICH duration.
        phich_resource: PHICH resource N_g.
        sfn_high: the SFN's eight most significant bits; the other two follow from the PBCH's position in its 40 ms.
        spare: the last ten bits as a number, 0 before release 13.
    """

    n_prb: int
    phich_duration: PhichDuration
    phich_resource: PhichResource
    sfn_high: int
    spare: int = 0

    def __post_init__(self) -> None:
        if self.n_prb not in BANDWIDTHS:
            raise ValueError(f"n_prb {self.n_prb} is no LTE bandwidth: use one of {BANDWIDTHS}")
        if not 0 <= self.sfn_high <= 255:
            raise ValueError(f"sfn_high {self.sfn_high} is outside 0..255")
        if not 0 <= self.spare <= 1023:
            raise ValueError(f"spare {self.spare} is outside 0..1023")

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read the three bytes of the BCH transport block.

        Raises:
            ValueError: not three bytes, or a spare bandwidth.
        """
        if len(data) != 3:
            raise ValueError(f"a MIB has 3 bytes, not {len(data)}")
        word = int.from_bytes(data, "big")
        bandwidth = word >> 21
        if bandwidth >= len(BANDWIDTHS):
            raise ValueError(f"MIB {data.hex()}: dl-Bandwidth {bandwidth} is outside 0..{len(BANDWIDTHS) - 1}")
        return cls(
            n_prb=BANDWIDTHS[bandwidth],
            phich_duration=_PHICH_DURATIONS[word >> 20 & 1],
            phich_resource=_PHICH_RESOURCES[word >> 18 & 3],
            sfn_high=word >> 10 & 0xFF,
            spare=word & 0x3FF,
        )

    def encode(self) -> bytes:
        """The three bytes of the BCH transport block."""
        word = BANDWIDTHS.index(self.n_prb) << 21
        word |= _PHICH_DURATIONS.index(self.phich_duration) << 20
        word |= _PHICH_RESOURCES.index(self.phich_resource) << 18
        return (word | self.sfn_high << 10 | self.spare).to_bytes(3, "big")
