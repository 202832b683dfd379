-- New batches on which every check of gate 1 passes: a clean one, and one with faults that are few
-- enough for critical checks only (see the tests that name it).
create table gate_1_rows as
select
  'web' as source,
  'good' as batch_id,
  'good.jsonl' as file,
  number as line,
  timestamp '2026-01-03' as loaded_at,
  null::varchar as unreadable_reason,
  'e' || number as event_id,
  'page' as event_type,
  'page' as event_name,
  timestamp '2026-01-01' + interval (number) second as event_at_candidate,
  case when number % 2 = 0 then timestamp '2026-01-01' + interval (number + 1) second end as received_at,
  'd' || number as anonymous_id,
  null::varchar as user_id,
  'https://shop.example/' as page_url
from range(1, 41) as lines (number);

-- the same rows again as a batch that each test damages
insert into gate_1_rows
select * replace ('bad' as batch_id, 'bad.jsonl' as file) from gate_1_rows;
