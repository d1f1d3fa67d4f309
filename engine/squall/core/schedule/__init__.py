"""When runs start by themselves, and when they may: schedules and windows on the calendar.

Pure: instants go in, instants come out; nobody here knows what time it is. Time zones and clock
changes in `zones`, cron lines in `cron`, firings in `triggers`, permission in `windows`.
"""
