"""The words of batches."""

from .described import Described


class BatchKind(Described):
    """What a batch does."""

    IMPORT = "IMPORT", "Brings rows in from a file."
    ENFORCEMENT = "ENFORCEMENT", "Acts on dealers and listings by alert."
    TICKET_BULK = "TICKET_BULK", "Changes many tickets."
    LISTING_BULK = "LISTING_BULK", "Changes many listings."
    EXPORT = "EXPORT", "Writes rows into a file."
    REPORT = "REPORT", "Computes a report."
    BROADCAST = "BROADCAST", "Notifies many people."
    DSR = "DSR", "Fulfils a data subject's request."
    CREDIT_GRANT = "CREDIT_GRANT", "Grants credits to many."


class ImportWhat(Described):
    """What the rows of an imported file become."""

    LISTINGS = "LISTINGS", "Listings."
    SKUS = "SKUS", "SKUs, known by their code."
    PRICE_POLICIES = "PRICE_POLICIES", "Price policies, known by SKU, kind and currency; a change is a further version."
    PRICE_OBSERVATIONS = (
        "PRICE_OBSERVATIONS",
        "Prices seen at dealers or competitors, each held against the policies of its moment.",
    )
    SALES = "SALES", "Units sold at a price: the price is held against the policies, and a breach has them as evidence."


class BatchStatus(Described):
    """Where a batch stands."""

    PENDING_APPROVAL = "PENDING_APPROVAL", "Waits for a second person."
    READY = "READY", "May be started."
    RUNNING = "RUNNING", "Workers take its items."
    PAUSED = "PAUSED", "No new item is taken."
    CANCELLING = "CANCELLING", "Items in flight finish."
    CANCELLED = "CANCELLED", "Stopped by somebody."
    COMPLETED = "COMPLETED", "Every item settled, none failed."
    COMPLETED_WITH_ERRORS = "COMPLETED_WITH_ERRORS", "Every item settled, some failed."
    FAILED = "FAILED", "Stopped by too many failures."
    ROLLING_BACK = "ROLLING_BACK", "Being undone."
    ROLLED_BACK = "ROLLED_BACK", "Undone."


class BatchItemStatus(Described):
    """Where one item of a batch stands."""

    PENDING = "PENDING", "Not taken yet."
    RUNNING = "RUNNING", "Leased by a worker."
    SUCCEEDED = "SUCCEEDED", "Done."
    RETRY_WAIT = "RETRY_WAIT", "Will be tried again."
    FAILED = "FAILED", "Refused for good, with a code."
    DEAD = "DEAD", "Tried too often."
    SKIPPED = "SKIPPED", "Nothing to do, with a reason."
    CANCELLED = "CANCELLED", "The batch was cancelled first."
    COMPENSATED = "COMPENSATED", "Undone."
    COMPENSATION_FAILED = "COMPENSATION_FAILED", "Could not be undone."


class BatchAction(Described):
    """What a batch does to one item."""

    IMPORT_ROW = "IMPORT_ROW", "Insert or update from a row of the file."
    SEND_WARNING = "SEND_WARNING", "Send the dealer a notice with a cure time."
    SUSPEND_LISTING = "SUSPEND_LISTING", "Take the listing down."
    RESTRICT = "RESTRICT", "Take privileges from the dealer: it buys no leads, hands in no listings, makes no deals."
    SUSPEND = "SUSPEND", "Suspend the dealer: its listings go down, nothing is paid out."
    HOLD_PAYOUTS = "HOLD_PAYOUTS", "Pay the dealer nothing out."
    CREATE_TASK = "CREATE_TASK", "Give somebody a task about the alert."
    EXPORT_ROWS = "EXPORT_ROWS", "Read a part of the list."
    EXPORT_FILE = "EXPORT_FILE", "Write the file of all that was read."


class BatchEventKind(Described):
    """What an event of a batch tells."""

    STATE = "STATE", "The batch changed its state."
    ITEMS = "ITEMS", "Items were settled."
    LOG = "LOG", "Lines were added to the log."


class LogLevel(Described):
    """How serious a log line is."""

    INFO = "INFO", "As expected."
    WARNING = "WARNING", "Worth a look."
    ERROR = "ERROR", "Something failed."


class DriftPolicy(Described):
    """What to do with items that changed since the preview."""

    REFUSE = "REFUSE", "Start nothing and list them."
    SKIP = "SKIP", "Start, and skip them."
