import { graphql } from 'relay-runtime';

export const desk = graphql`
  query DeskQuery($first: Int!, $after: String) {
    viewer {
      role
    }
    ...Desk_alerts @arguments(first: $first, after: $after)
  }
`;

export const alerts = graphql`
  fragment Desk_alerts on Query
  @argumentDefinitions(first: { type: "Int!" }, after: { type: "String" })
  @refetchable(queryName: "DeskAlertsPaginationQuery") {
    alerts(first: $first, after: $after) @connection(key: "Desk_alerts") {
      edges {
        node {
          ...Desk_alert
        }
      }
    }
  }
`;

export const alert = graphql`
  fragment Desk_alert on Alert @refetchable(queryName: "DeskAlertRefetchQuery") {
    id
    status
    price {
      amount
      currencyCode
    }
    dealer {
      name
    }
  }
`;

export const create = graphql`
  mutation DeskTaskCreateMutation($input: TaskCreateInput!) {
    taskCreate(input: $input) {
      task {
        id
        title
      }
      userErrors {
        __typename
        code
        field
        ... on StaleVersion {
          currentVersion
        }
      }
    }
  }
`;

export const live = graphql`
  subscription DeskBatchSubscription($batchId: ID!, $after: BigInt) {
    batchEvents(batchId: $batchId, after: $after) {
      __typename
      seq
      ... on BatchItemsChanged {
        items {
          n
          status
        }
      }
    }
  }
`;
