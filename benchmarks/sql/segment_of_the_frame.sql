-- The same of the frame's columns; days are numbered from 1969-12-31 on.
SELECT count(*)
FROM frame
WHERE launches >= 10
    AND visits >= 2
    AND points >= 50
    AND (
        "latest:Coupon Viewed:1" > as_of - DATE '1969-12-31' - 60
        OR "latest:Coupon Redeemed:1" > as_of - DATE '1969-12-31' - 90
    )
    AND "latest:Application Opened:2" > as_of - DATE '1969-12-31' - 30
    AND "times:Order Cancelled" = 0
    AND coalesce(last_visit > as_of - 30, false)
