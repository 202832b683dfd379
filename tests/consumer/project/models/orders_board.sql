-- not 'Checkout Started': it comes from the funnel
select * from {{ ref('order_funnel') }}
