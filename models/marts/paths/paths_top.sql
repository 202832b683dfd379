-- The ways that people take through the pages most often: the first five pages of each visit.
with edges as (

    {{ footpath.paths(item='path', edge_limit=100) | indent(4) }}

)

select
    place,
    source,
    target,
    value,
    average_seconds,
    edge_count
from edges
