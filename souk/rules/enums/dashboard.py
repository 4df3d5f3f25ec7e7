"""Words of dashboards and of exports."""

from .described import Described


class ListName(Described):
    """A list of the API, by the name of its root field."""

    ACCESS_REFUSALS = "ACCESS_REFUSALS", "`accessRefusals`."
    ALERTS = "ALERTS", "`alerts`."
    AUDIT_EVENTS = "AUDIT_EVENTS", "`auditEvents`."
    BATCHES = "BATCHES", "`batches`."
    CATEGORIES = "CATEGORIES", "`categories`."
    COMPETITORS = "COMPETITORS", "`competitors`."
    DEAD_LETTERS = "DEAD_LETTERS", "`deadLetters`."
    DEALERS = "DEALERS", "`dealers`."
    DEALS = "DEALS", "`deals`."
    LEADS = "LEADS", "`leads`."
    LISTINGS = "LISTINGS", "`listings`."
    OFFERS = "OFFERS", "`offers`."
    OPERATION_MANIFESTS = "OPERATION_MANIFESTS", "`operationManifests`."
    PERSISTED_OPERATIONS = "PERSISTED_OPERATIONS", "`persistedOperations`."
    PRICE_POLICIES = "PRICE_POLICIES", "`pricePolicies`."
    SERVICE_TOKENS = "SERVICE_TOKENS", "`serviceTokens`."
    SKUS = "SKUS", "`skus`."
    TASKS = "TASKS", "`tasks`."
    TEAMS = "TEAMS", "`teams`."
    TICKETS = "TICKETS", "`tickets`."
    USERS = "USERS", "`users`."


class ExportFormat(Described):
    """What kind of file an export writes."""

    CSV = "CSV", "Comma-separated values: RFC 4180, UTF-8 without a byte order mark."
    XLSX = "XLSX", "A workbook with one sheet, of at most 1,048,575 rows."


class DashboardMetric(Described):
    """What is counted over time."""

    ALERTS_OPENED = "ALERTS_OPENED", "Alerts by the begin of their present cycle; amounts are the money at risk."
    ALERTS_CURED = "ALERTS_CURED", "Alerts that are resolved, by that moment; amounts are the margin recovered."
    BATCHES_ENDED = "BATCHES_ENDED", "Batches that came to rest, by that moment."
    LEADS_CREATED = "LEADS_CREATED", "Leads by the moment they were made."
    LISTINGS_CREATED = "LISTINGS_CREATED", "Listings by the moment they were made."
    OFFERS_CREATED = "OFFERS_CREATED", "Offers by the moment they were made; amounts are what is on the table."
    TASKS_CREATED = "TASKS_CREATED", "Tasks by the moment they were made."
    TICKETS_CREATED = "TICKETS_CREATED", "Tickets by the moment they were made."


class DashboardBucket(Described):
    """How a range of time is cut."""

    DAY = "DAY", "By calendar days of the time zone: 23 or 25 hours where the clocks change."
    WEEK = "WEEK", "By ISO weeks of the time zone, from Monday."
