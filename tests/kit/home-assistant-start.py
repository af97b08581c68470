"""Starts Home Assistant as its own command does, with one delay shortened.

After an entity was enabled it waits 30 s for more of them before it reloads the integration. Tests enable many at
once and then wait for the reload.
"""

import sys

from homeassistant import __main__, config_entries

config_entries.RELOAD_AFTER_UPDATE_DELAY = 0.5
sys.exit(__main__.main())
