{{ footpath.funnel(['Checkout Started', 'Order Placed'], window_seconds=3600) }}
