"""Everything the SDK says to a provider's engineer: sentences that tell what happened and what to do about it."""

STARTED = "{app_id} {version} is ready on {host}:{port}, for the platform at {platform}."
SETTING_MISSING = "{name} is not set. {meaning}"
SETTINGS = {
    "BANYAN_PLATFORM_URL": "It is the platform's address, such as https://city.example.",
    "BANYAN_APP_KEY": "It is the path of this mini-app's private key (a JWK file). `banyan-app new` made one.",
}
PORT_BROKEN = "PORT is {value!r}; it has to be a number between 0 and 65535."
MANIFEST_MISSING = "{path} cannot be read ({reason}). `banyan-app new` writes one to start from."
MANIFEST_BROKEN = "{path} is not JSON: {reason}."
NOT_ASYNC = "{name} has to be `async def`: one slow handler would keep every resident waiting."
PAGE_UNKNOWN = "The page {path} is not in the manifest. Add it to `pages` in miniapp.json."
EVENT_UNKNOWN = "The event {type} does not exist. There are: {known}."
EVENT_NOT_SUBSCRIBED = "The manifest does not subscribe to {type}. Add it to `banyan.events` in miniapp.json."
TWICE = "{what} has two handlers; keep one."
CRON_BROKEN = "{cron!r} is not five cron fields (minute hour day month weekday), such as `0 8 * * *`."
NOT_STARTED = "The mini-app is used before it has started."

REQUEST_REFUSED = "Refused a request: %s."
TOKEN_REFUSED = "The platform's answer to a launch was refused: %s."
HANDLER_FAILED = "The handler of %s failed; the resident was told to try again. Request %s."
EVENT_UNHANDLED = """The event %s arrived and no handler wants it. If you need it, this is one:

@app.on("%s")
async def heard(event: Event) -> None:
    ..."""
EVENT_FAILED = "The handler of %s failed (try %d); it runs again in %d s."
EVENT_GIVEN_UP = "The handler of %s failed %d times; the event %s is kept as failed."
JOB_FAILED = "The job %s failed; it runs again when it is due."
TASK_FAILED = "The background task %s failed; it starts again in %d s."
CALL_REFUSED = "The platform refused a call for good (%s, %s); it is not repeated."
CALL_POSTPONED = "The platform takes no calls (%s); they go on in %.1f s."
TOKEN_NOT_GIVEN = "it answers {status} to our key: the mini-app is paused, or listed with another key or scope"
TOKEN_NOT_TAKEN = "it does not take the token that it has just given"

INLINE_SCRIPT = "A script stands inside the page; the platform's content policy does not run it."
INLINE_SCRIPT_MEND = 'Move it to a .js file and load it with `<script type="module" src=…>`.'
INLINE_STYLE = "A style stands inside the page; the platform's content policy does not apply it."
INLINE_STYLE_MEND = "Move it to a .css file."
INLINE_HANDLER = "`{name}` runs script from an attribute; the platform's content policy does not."
INLINE_HANDLER_MEND = "Use addEventListener in a .js file."
FOREIGN_SOURCE = "{url} is on another origin; the platform's content policy does not load it."
FOREIGN_SOURCE_MEND = "Put the file beside your pages."

CHECK_CLEAN = "Nothing to mend."
CHECK_COUNT = "{errors} to mend, {warnings} to think about."
NEW_EXISTS = "{path} exists already; choose a folder that does not."
NEW_BAD_NAME = "{name!r} cannot be an app_id: use 2 to 30 lower-case letters, digits and hyphens, a letter first."
NEW_DONE = """{path} is a working mini-app. Next:

  cd {path}
  banyan-app check
  banyan-app run

`{key}` is its private key: keep it out of version control (.gitignore already does)."""
RUN_NO_APP = "{path} is not a MiniApp: a folder needs an app.py with `app = MiniApp…`, else name module:function."
RUN_READY = "Open {address} to see {app_id} in a phone frame. Ctrl-C stops it."
PORT_TAKEN = "Port {port} is taken. Choose another one with --port."
