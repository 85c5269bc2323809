"""What the campaign editor says of a field that cannot be taken: one sentence by field."""

from collections.abc import Mapping

from admin_ui.i18n import mark

SENTENCES: Mapping[str, str] = {
    "name": mark("Give the campaign a name of 1 to 100 characters."),
    "tags": mark("At most 10 tags of up to 30 characters, each once, with commas between them."),
    "hypothesis": mark("At most 1,000 characters."),
    "content": mark("Write a title and a body in at least one language."),
    "link": mark("A link begins with https:// or the app's own scheme, such as myshop://."),
    "image": mark("A picture is an address that begins with https://."),
    "badge": mark("The badge is a number from 0 to 9,999."),
    "sound_name": mark("Write a name of letters, digits, dots, - and _."),
    "button_label": mark("A button needs a label of at most 40 characters, and an id of small letters of its own."),
    "variants": mark("Compare 2 to 5 versions whose shares add up to 100 %%."),
    "share": mark("A share is above 0 and below 100 %%."),
    "variant_name": mark("Each version has a short name of its own, such as A."),
    "segment_id": mark("Choose a segment."),
    "segment_again": mark("This segment already begins the campaign: leave this empty or choose another."),
    "holdout_percent": mark("The holdout is between 0 and 90 %%."),
    "conversion_event": mark("Choose the event that counts as success."),
    "conversion_days": mark("The window is 1 to 90 days."),
    "goal_target": mark("The target is a rate above 0 and at most 100 %%."),
    "expires_hours": mark("A message may live from 1 to 672 hours."),
    "rate": mark("Between 1 and 600,000 messages a minute."),
    "day": mark("Choose a day and a time that are still to come."),
    "interval": mark("Enter a number from 1 to 99."),
    "weekdays": mark("Tick at least one weekday."),
    "month_day": mark("Enter a day of the month from 1 to 31."),
    "rrule": mark("This rule of repetition cannot be read, or never happens."),
    "starts_day": mark("Choose the first day and the time."),
    "until_day": mark("Choose a day and a time for the end."),
    "own_event": mark("Choose the event that begins it."),
    "filters": mark("Complete the filter, use each property once, or take it away."),
    "delay": mark("Enter how long to wait: up to 90 days."),
    "trigger_segment": mark("Choose the segment whose members it is about."),
    "date_of": mark("Choose the date, and the profile's field where it is one of those."),
    "date_days": mark("Enter a number of days up to 3,650; nobody can be reached before joining."),
    "date_at": mark("Enter a time of day such as 10:00."),
    "reentry_days": mark("Enter after how many days, from 1 to 3,650."),
    "counted": mark("A running campaign's figures are counted by this, so it stays. Copy the campaign to change it."),
    "payload": mark("With all of this the push grows beyond 4,096 bytes. Shorten a text, a link or a button."),
    "names": mark("This text shows a name, and a locked phone shows it to whoever looks. Take it out, or allow names below."),
}  # fmt: skip
"""Every field of the form; a button's label stands for its other parts too."""
