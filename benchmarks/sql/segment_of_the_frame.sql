-- The same of the frame's columns: lists of days are newest first.
SELECT count(*)
FROM frame
WHERE launches >= 10
    AND visits >= 2
    AND points >= 50
    AND (
        coalesce("days:Coupon Viewed"[1] > as_of - 60, false) OR coalesce("days:Coupon Redeemed"[1] > as_of - 90, false)
    )
    AND coalesce("days:Application Opened"[2] > as_of - 30, false)
    AND len("days:Order Cancelled") = 0
    AND coalesce(last_visit > as_of - 30, false)
