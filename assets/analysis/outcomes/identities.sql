-- The books' four identities with their numbers: a row per variant, arm, operation and identity, all repetitions summed.
-- Each holds in every single repetition where `imbalances.sql` finds nothing.
WITH summed AS (
    SELECT variant, arm, operation, sum(COLUMNS(* EXCLUDE (variant, arm, operation)))::BIGINT
    FROM (
        SELECT variant, arm, operation, offered, answered, accepted, throttled, failed, timed_out, unsent, committed,
            dead_lettered, in_flight, lost, rejected, ghost_commits, ghost_dead_lettered, ghost_in_flight,
            ghost_partly_committed, unknown_effects
        FROM ledger
    ) counts
    GROUP BY ALL
)
SELECT variant, arm, operation, unnest([
    {'identity': 'offered = answered + accepted + throttled + failed + timed_out + unsent',
     'numbers': concat_ws(' + ', format('{:,} = {:,}', offered, answered), format('{:,}', accepted),
        format('{:,}', throttled), format('{:,}', failed), format('{:,}', timed_out), format('{:,}', unsent)),
     'off_by': offered - answered - accepted - throttled - failed - timed_out - unsent},
    {'identity': 'answered + accepted = committed + dead_lettered + in_flight + lost',
     'numbers': concat_ws(' + ', format('{:,}', answered), format('{:,} = {:,}', accepted, committed),
        format('{:,}', dead_lettered), format('{:,}', in_flight), format('{:,}', lost)),
     'off_by': answered + accepted - committed - dead_lettered - in_flight - lost},
    {'identity': 'throttled + failed + timed_out + unsent = rejected + ghost_commits + ghost_dead_lettered + ghost_in_flight'
        || CASE WHEN ghost_partly_committed > 0 THEN ' + ghost_partly_committed' ELSE '' END,
     'numbers': concat_ws(' + ', format('{:,}', throttled), format('{:,}', failed), format('{:,}', timed_out),
        format('{:,} = {:,}', unsent, rejected), format('{:,}', ghost_commits), format('{:,}', ghost_dead_lettered),
        format('{:,}', ghost_in_flight),
        CASE WHEN ghost_partly_committed > 0 THEN format('{:,}', ghost_partly_committed) END),
     'off_by': throttled + failed + timed_out + unsent - rejected - ghost_commits - ghost_dead_lettered
        - ghost_in_flight - ghost_partly_committed},
    {'identity': 'unknown_effects = 0', 'numbers': format('{:,} = 0', unknown_effects), 'off_by': unknown_effects}
], recursive := true)
FROM summed
ORDER BY variant, arm DESC, operation
