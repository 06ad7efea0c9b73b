-- A budget is held against the tenant's quote; triggers have no price of their own any more.
update trigger_config set config = config - 'dedicatedUsdPerMonth';
