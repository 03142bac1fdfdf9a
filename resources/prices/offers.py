"""AWS's own price list: the offer files ``offers/v1.0/aws/SERVICE/current/[REGION/]index.json``, read and imported.

Put here which product of which service has which of archduel's prices. Keep out what a price file may contain
(`resources.prices.book`). Shape and names are as in AWS's documentation (Reading the service price list file,
awsaccountbilling/latest/aboutv2) and in files as published up to October 2026.
"""

import datetime as dt
import json
import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from resources.prices.book import UNITS, Price, Prices, Tier, bundled_prices, prices, read_prices
from workloads.atomic import replacing
from workloads.errors import ArchduelError
from workloads.places import Places

# Read as a whole: 74 MB took 0.3 GB of memory. The six services' files of one region are far below it.
MAX_BYTES = 512 * 2**20

_Attributes = dict[str, Any]
_Tiers = tuple[tuple[Decimal, Decimal], ...]


@dataclass(frozen=True)
class _Product:
    """How to recognise a price: its service, and what the product's attributes must be."""

    service: str
    usage_type: str = (
        ""  # its end: regions other than us-east-1 have a prefix before it, and with some services all regions
    )
    operation: str = ""
    group: str = ""
    queue_type: str = ""
    transfer_type: str = ""

    def is_it(self, attributes: _Attributes, region: str) -> bool:
        # A transfer out of a region names both of its ends.
        own_region = attributes.get("fromRegionCode" if self.transfer_type else "regionCode")
        required = {
            "operation": self.operation,
            "group": self.group,
            "queueType": self.queue_type,
            "transferType": self.transfer_type,
            "toLocation": "External" if self.transfer_type else "",
        }
        usage_type = str(attributes.get("usagetype", ""))
        return (
            own_region == region
            and all(attributes.get(name) == value for name, value in required.items() if value)
            and (not self.usage_type or bool(re.fullmatch(rf"(\w+-)?{re.escape(self.usage_type)}", usage_type)))
        )


_PRODUCTS = {
    "api_rest_requests": _Product("AmazonApiGateway", "ApiGatewayRequest", operation="ApiGatewayRequest"),
    "api_http_requests": _Product("AmazonApiGateway", "ApiGatewayHttpRequest", operation="ApiGatewayHttpApi"),
    "function_requests_x86": _Product("AWSLambda", group="AWS-Lambda-Requests"),
    "function_requests_arm": _Product("AWSLambda", group="AWS-Lambda-Requests-ARM"),
    "function_time_x86": _Product("AWSLambda", group="AWS-Lambda-Duration"),
    "function_time_arm": _Product("AWSLambda", group="AWS-Lambda-Duration-ARM"),
    "queue_requests": _Product("AWSQueueService", queue_type="Standard"),
    "fifo_queue_requests": _Product("AWSQueueService", queue_type="FIFO (first-in, first-out)"),
    "topic_requests": _Product("AmazonSNS", "Requests-Tier1"),
    # Provisioned capacity is in the same groups, by the hour.
    "table_write_units": _Product("AmazonDynamoDB", "WriteRequestUnits", group="DDB-WriteUnits"),
    "table_read_units": _Product("AmazonDynamoDB", "ReadRequestUnits", group="DDB-ReadUnits"),
    # The infrequent-access class is in the same group.
    "logs": _Product("AmazonCloudWatch", "DataProcessing-Bytes", group="Ingested Logs"),
    "log_storage": _Product("AmazonCloudWatch", "TimedStorage-ByteHrs"),
    "transfer_out": _Product("AWSDataTransfer", "DataTransfer-Out-Bytes", transfer_type="AWS Outbound"),
}
SERVICES = tuple(dict.fromkeys(product.service for product in _PRODUCTS.values()))


@dataclass(frozen=True)
class Imported:
    """The result of an import.

    Attributes:
        file: The file of the user's own prices.
        prices: The prices that count from now on.
        found: The names of those that are new.
        kept: Why each other one is as before, by name.
    """

    file: Path
    prices: Prices
    found: tuple[str, ...]
    kept: dict[str, str]


def import_offers(
    places: Places, files: Sequence[Path], region: str, *, progress: Callable[[Path], None] = lambda _file: None
) -> Imported:
    """Import the prices of ``region`` into ``places.prices``, all of them or none; other prices stay.

    Args:
        places: The home whose prices are replaced.
        files: Offer files. Where several have the same price, the one published last counts.
        region: Such as ``eu-west-1``.
        progress: Called with each file before it is read.

    Raises:
        ArchduelError: A file cannot be read or is not an offer file, which is named, or none has a price that archduel
            uses.
    """
    standing = prices(places)
    found: dict[str, Price] = {}
    kept: dict[str, str] = {}
    seen: set[str] = set()
    for file in files:
        progress(file)
        offer = _Offer.read(file)
        seen.add(offer.service)
        for name, product in _PRODUCTS.items():
            if product.service != offer.service:
                continue
            price = offer.price(name, product, region)
            if isinstance(price, str):
                kept[name] = price
            elif name not in found or price.date >= found[name].date:
                found[name] = price
    if not found:
        services = ", ".join(SERVICES)
        raise ArchduelError(
            f"no price that archduel uses for {region} in {', '.join(str(file) for file in files)}:"
            f" give offer files of {services}; nothing was changed"
        )
    for name, product in _PRODUCTS.items():
        if product.service not in seen:
            kept[name] = f"no file of {product.service} was given"
    now = Prices.model_validate({**standing.model_dump(), **{name: one.model_dump() for name, one in found.items()}})
    write_prices(places, now)
    order = tuple(name for name in UNITS if name in found)
    return Imported(places.prices, now, order, {name: kept[name] for name in UNITS if name not in found})


def write_prices(places: Places, now: Prices) -> None:
    """Replace the user's own prices, all of them or none. Raises `ArchduelError` where they cannot be written."""
    try:
        with replacing(places.prices) as hidden:
            hidden.write_text(as_toml(now), encoding="utf-8")
            if read_prices(hidden) != now:
                raise ArchduelError(f"{places.prices} could not be written completely: nothing was changed")
    except OSError as error:
        raise ArchduelError(f"cannot write {places.prices}: {error.strerror or error}") from None


def as_toml(now: Prices) -> str:
    """The prices as the text of a file that `resources.prices.book` reads."""
    parts = ["# Prices that count instead of the bundled ones; `archduel prices --reset` takes them away.\n"]
    for name, price in now.entries().items():
        # JSON's strings are TOML's except for DEL, which does not belong into a price list.
        unit, source = (json.dumps(text.replace("\x7f", ""), ensure_ascii=False) for text in (price.unit, price.source))
        tiers = ", ".join(f"{{ above = {tier.above!r}, usd = {tier.usd!r} }}" for tier in price.tiers)
        parts.append(
            f"[{name}]\nusd = {price.usd!r}\nunit = {unit}\ndate = {price.date.isoformat()}\nsource = {source}\n"
            f"tiers = [{tiers}]\nfree = {price.free!r}\n"
        )
    return "\n".join(parts)


@dataclass(frozen=True)
class _Offer:
    """An offer file: its service, the day it was published, its products and their on-demand terms."""

    file: Path
    service: str
    published: dt.date
    products: dict[str, Any]
    on_demand: dict[str, Any]

    @classmethod
    def read(cls, file: Path) -> "_Offer":
        try:
            if file.stat().st_size > MAX_BYTES:
                raise ArchduelError(
                    f"{file} has over {MAX_BYTES // 2**20} MB: take the region's own, .../current/REGION/index.json"
                )
            data = json.loads(file.read_bytes())
        except OSError as error:
            raise ArchduelError(f"cannot read {file}: {error.strerror or error}") from None
        except (ValueError, RecursionError) as error:
            raise ArchduelError(f"{file} is not JSON: {error}") from None
        offer = _mapping(data)
        products, terms = offer.get("products"), _mapping(offer.get("terms")).get("OnDemand")
        service = offer.get("offerCode")
        if not isinstance(service, str) or not isinstance(products, dict) or not isinstance(terms, dict):
            raise ArchduelError(
                f"{file} is not an offer file of AWS's price list, which has offerCode, products and terms.OnDemand"
            )
        if service not in SERVICES:
            raise ArchduelError(f"{file} is the offer file of {service}: archduel uses those of {', '.join(SERVICES)}")
        try:
            published = dt.date.fromisoformat(str(offer.get("publicationDate"))[:10])
        except ValueError:
            raise ArchduelError(f"{file}: publicationDate is not a date: {offer.get('publicationDate')!r}") from None
        return cls(file, service, published, products, terms)

    def price(self, name: str, product: _Product, region: str) -> Price | str:
        """The price, or why there is none."""
        found: dict[_Tiers, str] = {}  # the product's usage type by its price
        for sku, entry in self.products.items():
            attributes = _mapping(_mapping(entry).get("attributes"))
            if product.is_it(attributes, region):
                tiers = self._paid_tiers(sku)
                if tiers:
                    found[tiers] = str(attributes.get("usagetype", sku))
        if not found:
            return f"not in {self.file} for {region}"
        if len(found) > 1:
            each = ", ".join(f"{usage} at {tiers[0][1]}" for tiers, usage in sorted(found.items()))
            return f"{self.file} has several: {each}"
        (((_, usd), *later), usage_type) = next(iter(found.items()))
        scale = 10**6 if UNITS[name].startswith("million ") else 1
        return Price(
            usd=float(usd * scale),
            unit=UNITS[name],
            date=self.published,
            source=f"AWS price list, {self.service}, {region}, {usage_type}",
            tiers=tuple(Tier(above=float(above / scale), usd=float(usd * scale)) for above, usd in later),
            # Its files say of few prices what is free, and with an allowance of a year for new accounts among them.
            free=bundled_prices().entries()[name].free,
        )

    def _paid_tiers(self, sku: str) -> _Tiers:
        """The tiers that cost anything, in the term effective last: from how many units on, and USD per unit."""
        terms = [term for term in _mapping(self.on_demand.get(sku)).values() if isinstance(term, dict)]
        if not terms:
            return ()
        term = max(terms, key=lambda one: str(one.get("effectiveDate", "")))
        return tuple(sorted(_paid_tiers(_mapping(term.get("priceDimensions")))))


def _paid_tiers(dimensions: dict[str, Any]) -> Iterator[tuple[Decimal, Decimal]]:
    for dimension in dimensions.values():
        begin = _number(_mapping(dimension).get("beginRange", "0"))
        usd = _number(_mapping(_mapping(dimension).get("pricePerUnit")).get("USD"))
        if begin is not None and usd is not None and usd > 0:
            yield begin, usd


def _number(value: object) -> Decimal | None:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() and math.isfinite(float(number)) else None


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
