//! Who scores accounts, in runs and when somebody asks.

use std::sync::Arc;

use model_application::{
    accounts::{AccountRound, AccountScoring, AccountsOnDemand},
    ports::{AccountReader, AccountScores, AccountStore, PublishedResults},
    runs::RunsStatus,
};
use model_redis_adapter::{ContractDocuments, RedisAccounts};
use redis_kit::KeySpace;

use crate::settings::Settings;

/// Who scores accounts, as the settings have it.
pub(crate) struct Accounts<'a> {
    settings: &'a Settings,
    reader: Arc<dyn AccountReader>,
    store: Arc<dyn AccountStore>,
}

impl<'a> Accounts<'a> {
    /// Scores go to this space of keys.
    pub(crate) fn new(
        settings: &'a Settings,
        reader: Arc<dyn AccountReader>,
        keys: Arc<dyn KeySpace>,
    ) -> Self {
        let expiry = settings.storing.redis_expiry;
        Self {
            settings,
            reader,
            store: Arc::new(RedisAccounts::new(keys, expiry)),
        }
    }

    fn scoring(&self) -> AccountScoring {
        let settings = self.settings.accounts(&self.settings.models.runs);
        AccountScoring::new(Arc::clone(&self.reader), settings)
    }

    /// In runs.
    pub(crate) fn round(&self) -> Option<AccountRound> {
        self.settings.pas.is_enabled.then(|| AccountRound {
            scoring: self.scoring(),
            choice: self.settings.pas.choice,
            store: Arc::clone(&self.store),
            documents: Arc::new(ContractDocuments),
        })
    }

    /// When somebody asks.
    pub(crate) fn on_demand(
        &self,
        status: &Arc<RunsStatus>,
        published: Arc<dyn PublishedResults>,
    ) -> Option<Arc<dyn AccountScores>> {
        self.settings.pas.is_enabled.then(|| {
            let on_demand = AccountsOnDemand {
                scoring: self.scoring(),
                status: Arc::clone(status),
                published,
                store: Arc::clone(&self.store),
                documents: Arc::new(ContractDocuments),
            };
            Arc::new(on_demand) as Arc<dyn AccountScores>
        })
    }
}
