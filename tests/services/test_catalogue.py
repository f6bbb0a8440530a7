"""Loading and writing the catalogue."""

import json
from datetime import date
from decimal import Decimal

import pytest

from services import catalogue
from services.models import AppointmentType, Price, Service

from .conftest import FILE, TODAY

pytestmark = pytest.mark.django_db

GAPS_INITIAL = "services[2].appointment_types[0]"


def load(document) -> list[catalogue.Change]:
    return catalogue.load(text=json.dumps(document), day=TODAY)


def faults_of(document) -> dict[str, list[str]]:
    with pytest.raises(catalogue.BadCatalogue) as refusal:
        load(document)
    return refusal.value.details


def gaps_initial(document):
    return document["services"][2]["appointment_types"][0]


class TestLoad:
    def test_loads_the_initial_catalogue(self, loaded):
        rows = {
            (each.service.slug, each.code, each.minutes, each.medirecords_type, each.is_payment_required)
            for each in AppointmentType.objects.select_related("service")
        }

        assert rows == {
            ("free-consultation", "initial-consult-free", 15, "", False),
            ("alternative-medicine", "initial-alternative-15min", 15, "CONSULT_ALT_30", True),
            ("alternative-medicine", "followup-alternative-10min", 10, "CONSULT_ALT_30", True),
            ("alternative-medicine", "initial-inperson-20min", 20, "CONSULT_ALT_30", True),
            ("alternative-medicine", "followup-inperson-15min", 15, "CONSULT_ALT_30", True),
            ("alternative-medicine", "followup-alternative-30min", 30, "CONSULT_ALT_30", True),
            ("gaps", "initial-gaps-60min", 60, "CONSULT_GAPS_60", True),
            ("gaps", "followup-gaps-15min", 15, "CONSULT_GAPS_45", True),
            ("weight-loss", "initial-weight", 45, "CONSULT_WEIGHT_45", True),
            ("weight-loss", "followup-weight-45min", 45, "CONSULT_WEIGHT_45", True),
        }

    def test_loads_the_initial_prices(self, loaded):
        amounts = dict(Price.objects.values_list("appointment_type__code", "amount"))

        assert amounts == {
            "initial-consult-free": Decimal(0),
            "initial-alternative-15min": Decimal(119),
            "followup-alternative-10min": Decimal(79),
            "initial-inperson-20min": Decimal(119),
            "followup-inperson-15min": Decimal(79),
            "followup-alternative-30min": Decimal(69),
            "initial-gaps-60min": Decimal(195),
            "followup-gaps-15min": Decimal(79),
            "followup-weight-45min": Decimal(89),
        }

    def test_announces_what_is_coming_soon(self, loaded):
        soon = Service.objects.filter(status="coming_soon").values_list("slug", "launches_on", "has_waitlist")

        assert set(soon) == {("counseling", date(2024, 6, 1), True), ("equine", None, True)}

    def test_says_which_form_each_service_asks(self, loaded):
        asked = Service.objects.exclude(initial_form=None).values_list(
            "slug", "initial_form__slug", "followup_form__slug"
        )

        assert set(asked) == {
            ("alternative-medicine", "mini-intake", "medical-history"),
            ("gaps", "mini-intake", "nutrition-assessment"),
            ("weight-loss", "mini-intake", "weight-and-lifestyle"),
        }

    def test_gives_a_service_another_form_or_none(self, loaded, document):
        document["services"][2] |= {"initial_form": None, "followup_form": "medical-history"}

        changes = load(document)

        assert [str(change) for change in changes] == [
            "Changed service gaps: initial_form Before your first visit → None, "
            "followup_form Nutrition assessment → Medical history"
        ]

    @pytest.mark.parametrize("named", ["nobody", "", 5, ["mini-intake"]])
    def test_names_a_form_that_there_is_not(self, document, named):
        document["services"][2]["initial_form"] = named

        assert list(faults_of(document)) == ["services[2].initial_form"]

    def test_changes_nothing_the_second_time(self, loaded, document, django_assert_num_queries):
        with django_assert_num_queries(6):  # savepoint, four reads, release: no write
            changes = load(document)

        assert changes == []

    def test_alters_only_what_differs(self, loaded, document):
        gaps_initial(document)["minutes"] = 45

        changes = load(document)

        assert [str(change) for change in changes] == ["Changed appointment type initial-gaps-60min: minutes 60 → 45"]
        assert AppointmentType.objects.get(code="initial-gaps-60min").minutes == 45

    def test_leaves_alone_what_the_file_does_not_mention(self, loaded, document):
        gaps = document["services"][2]
        del gaps["description"], gaps["appointment_types"][0]["minutes"], gaps["appointment_types"][1:]

        changes = load({"services": [gaps]})

        assert changes == []
        assert Service.objects.count() == 6
        assert AppointmentType.objects.count() == 10

    def test_fills_in_what_a_new_service_does_not_mention(self, loaded):
        changes = load({"services": [{"slug": "yoga", "name": "Yoga"}]})

        assert [str(change) for change in changes] == ["New service yoga"]
        assert Service.objects.get(slug="yoga").status == "coming_soon"

    def test_adds_a_price_with_a_new_day(self, loaded, document):
        gaps_initial(document)["prices"].append({"starts_on": "2026-07-01", "amount": "205.50"})

        changes = load(document)

        assert [str(change) for change in changes] == ["New price of initial-gaps-60min: $205.50 from 1 Jul 2026"]
        assert Price.objects.filter(appointment_type__code="initial-gaps-60min").count() == 2

    def test_never_overwrites_a_price_in_force(self, loaded, document):
        gaps_initial(document)["prices"][0]["amount"] = "205.00"

        faults = faults_of(document)

        assert list(faults) == [f"{GAPS_INITIAL}.prices[0].amount"]
        assert Price.objects.get(appointment_type__code="initial-gaps-60min").amount == 195

    def test_corrects_a_price_that_is_not_in_force_yet(self, loaded, document):
        gaps_initial(document)["prices"].append({"starts_on": "2026-07-01", "amount": "205.00"})
        load(document)
        gaps_initial(document)["prices"][1]["amount"] = "199.00"

        changes = load(document)

        assert [str(change) for change in changes] == [
            "Changed price of initial-gaps-60min: $199.00 from 1 Jul 2026: amount 205.00 → 199.00"
        ]

    def test_keeps_an_appointment_type_with_its_service(self, loaded, document):
        document["services"][3]["appointment_types"].append(document["services"][2]["appointment_types"].pop())

        faults = faults_of(document)

        assert faults == {
            "services[3].appointment_types[2].code": ["Belongs to gaps; an appointment type keeps its service."]
        }

    @pytest.mark.parametrize(
        ("name", "value", "sentence"),
        [
            ("minutes", 17, "Must be a multiple of 5."),
            ("minutes", 0, "Ensure this value is greater than or equal to 5."),
            ("minutes", "60", "Write a whole number."),
            ("minutes", True, "Write a whole number."),
            ("minutes", 60.0, "Write a whole number."),
            ("minutes", None, "Write a whole number."),
            ("step_minutes", 7, "Must be a multiple of 5."),
            ("buffer_after_minutes", 3, "Must be a multiple of 5."),
            ("position", -1, "Ensure this value is greater than or equal to 0."),
            ("is_active", "true", "Write true or false."),
            ("kind", "intro", "“intro” is none of: consultation, initial, followup."),
            ("mode", "fax", "“fax” is none of: telehealth, phone, in_person."),
            ("name", "", "This field cannot be blank."),
            ("name", "Gaps\0", "Has a character that no text may have."),
            ("name", "x" * 101, "Ensure this value has at most 100 characters (it has 101)."),
            ("code", "gaps initial", None),
            ("practitioner_types", [], "This field cannot be blank."),
            ("practitioner_types", "coach", "Write a list: […]."),
            ("prices", {}, "Write a list: […]."),
            ("colour", "#ffffff", None),
        ],
    )
    def test_names_a_faulty_member_by_its_place(self, document, name, value, sentence):
        gaps_initial(document)[name] = value

        faults = faults_of(document)

        assert list(faults) == [f"{GAPS_INITIAL}.{name}"]
        assert sentence is None or faults[f"{GAPS_INITIAL}.{name}"] == [sentence]
        assert not Service.objects.exists()

    @pytest.mark.parametrize(
        ("prices", "place"),
        [
            ([{"starts_on": "2024-01-01", "amount": "-1.00"}], "prices[0].amount"),
            ([{"starts_on": "2024-01-01", "amount": 119}], "prices[0].amount"),
            ([{"starts_on": "2024-01-01", "amount": "119"}], "prices[0].amount"),
            ([{"starts_on": "2024-01-01", "amount": "1234567.00"}], "prices[0].amount"),
            ([{"starts_on": "2024-01-01"}], "prices[0].amount"),
            ([{"starts_on": "2024-02-30", "amount": "119.00"}], "prices[0].starts_on"),
            ([{"starts_on": "20240101", "amount": "119.00"}], "prices[0].starts_on"),
            ([{"starts_on": "2024-01-01", "amount": "119.00", "until": "2024-02-01"}], "prices[0].until"),
            (
                [{"starts_on": "2024-02-01", "amount": "1.00"}, {"starts_on": "2024-01-01", "amount": "2.00"}],
                "prices[1].starts_on",
            ),
            (
                [{"starts_on": "2024-02-01", "amount": "1.00"}, {"starts_on": "2024-02-01", "amount": "2.00"}],
                "prices[1].starts_on",
            ),
            (["119.00"], "prices[0]"),
        ],
    )
    def test_names_a_faulty_price_by_its_place(self, document, prices, place):
        gaps_initial(document)["prices"] = prices

        faults = faults_of(document)

        assert f"{GAPS_INITIAL}.{place}" in faults
        assert not Service.objects.exists()

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("status", "open"),
            ("colour", "green"),
            ("launches_on", ""),
            ("slug", "free_consultation"),
            ("slug", "gaps"),
            ("has_waitlist", 1),
            ("price", "119.00"),
        ],
    )
    def test_names_a_faulty_member_of_a_service(self, document, name, value):
        document["services"].insert(
            3, document["services"][0] | {"slug": "extra", "appointment_types": [], name: value}
        )

        faults = faults_of(document)

        assert list(faults) == [f"services[3].{name}"]
        assert not Service.objects.exists()

    def test_names_every_fault_at_once(self, loaded, document):
        document["extra"] = 1
        document["services"][0]["status"] = "open"
        del document["services"][1]["slug"]
        gaps_initial(document)["minutes"] = 17
        gaps_initial(document)["practitioner_types"] = ["coach", "wizard", 3]
        document["services"][2]["appointment_types"].append({"code": "initial-weight"})
        document["services"][4]["name"] = "Talking"

        faults = faults_of(document)

        assert {
            "extra",
            "services[0].status",
            "services[1].slug",
            "services[2].appointment_types[0].minutes",
            "services[2].appointment_types[0].practitioner_types[1]",
            "services[2].appointment_types[0].practitioner_types[2]",
            "services[2].appointment_types[2].code",
            "services[3].appointment_types[0].code",
        } <= faults.keys()
        assert Service.objects.get(slug="counseling").name == "Counseling Services"

    @pytest.mark.parametrize(
        ("text", "place"),
        [
            ("", "file"),
            ("{", "file"),
            ("[]", "file"),
            ('{"services": 1' + "0" * 5000 + "}", "file"),
            ("[" * 200_000, "file"),
            ("{}", "services"),
            ('{"services": null}', "services"),
            ('{"services": [], "services": []}', "services"),
            ('{"services": [7]}', "services[0]"),
            ('{"services": [{"slug": "a", "slug": "b", "name": "A"}]}', "services[0].slug"),
            ('{"services": [{}]}', "services[0].slug"),
        ],
    )
    def test_names_what_is_no_catalogue_at_all(self, text, place):
        with pytest.raises(catalogue.BadCatalogue) as refusal:
            catalogue.load(text=text, day=TODAY)

        assert place in refusal.value.details


class TestDump:
    def test_writes_the_file_that_was_loaded(self, loaded):
        text = catalogue.dump()

        assert text == FILE.read_text()

    def test_writes_a_file_that_changes_nothing(self, loaded):
        Service.objects.filter(slug="equine").update(description="Horses, “quoted”\nover two lines", launches_on=TODAY)
        AppointmentType.objects.filter(code="initial-weight").update(is_active=False, position=9)
        weight = AppointmentType.objects.get(code="initial-weight")
        weight.prices.create(amount=Decimal("89.90"), starts_on=date(2030, 1, 1))

        changes = catalogue.load(text=catalogue.dump(), day=TODAY)

        assert changes == []

    def test_writes_an_empty_catalogue(self):
        changes = catalogue.load(text=catalogue.dump(), day=TODAY)

        assert changes == []
